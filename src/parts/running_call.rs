//! A call that is running: how long it has been, and a button to stop waiting for it.

use std::time::Duration;

use leptos::prelude::*;

use crate::t;

/// Shows nothing in the first second.
#[component]
pub fn RunningCall(#[prop(into)] is_calling: Signal<bool>, on_cancel: Callback<()>) -> impl IntoView {
    let seconds = RwSignal::new(0_u32);
    Effect::new(move |_| {
        if !is_calling.get() {
            return;
        }
        seconds.set(0);
        let clock = set_interval_with_handle(move || seconds.update(|seconds| *seconds += 1), Duration::from_secs(1));
        // Without a clock the button is not shown either: browsers always have one.
        if let Ok(clock) = clock {
            on_cleanup(move || clock.clear());
        }
    });
    let is_shown = move || is_calling.get() && seconds.get() > 0;
    move || {
        is_shown().then(|| {
            view! {
                // A timer is not read out by itself every second.
                <p class="running">
                    <span role="timer">{t!("Running for {seconds} s", seconds = seconds.get())}</span>
                    " "
                    <button class="plain" type="button" on:click=move |_| on_cancel.run(())>{t!("Cancel")}</button>
                </p>
            }
        })
    }
}
