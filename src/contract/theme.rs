//! The colour theme of pages.

use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::platform;

/// The name of the input with the chosen theme, in the form that `POST /theme` takes.
pub const CHOICE: &str = "theme";

/// A colour theme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Theme {
    /// The one that the browser prefers.
    #[default]
    System,
    /// Dark text on a light background.
    Light,
    /// Light text on a dark background.
    Dark,
}

impl Theme {
    /// The name: in the form, in the cookie, and in `<html data-theme>`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The content of `<meta name="color-scheme">`, which browsers read before the style sheet.
    pub fn color_scheme(self) -> &'static str {
        match self {
            Self::System => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of the page that is being written. Nothing in the browser asks for it.
    pub fn current() -> Self {
        platform::current().unwrap_or_default()
    }
}
