//! Request bodies: read completely within limits of size, time and memory, or drained after a refusal.

use std::{mem, time::Duration};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::header::{CONTENT_ENCODING, EXPECT},
};
use http_body_util::BodyExt as _;
use tokio::{sync::Semaphore, time::timeout};

use crate::{contract::Refusal, message, server::config::Settings};

const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Limits the number of refused bodies that are drained at the same time.
static DRAINS: Semaphore = Semaphore::const_new(32);

/// Limits the memory for all partially received bodies together, in bytes. Bodies that arrive in a single frame, as
/// nearly all do, do not count.
static PARTIAL_BYTES: Semaphore = Semaphore::const_new(64 * 1024 * 1024);

/// Reads a whole body as UTF-8 text. Encoded bodies are refused: decompression could turn a few bytes into gigabytes.
///
/// # Errors
/// Among others, [`Refusal::Busy`] if all partially received bodies together use too much memory.
pub async fn read(request: &mut Request, settings: &Settings) -> Result<String, Refusal> {
    if request
        .headers()
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Refusal::Encoded);
    }
    let limit = settings.limits.body_bytes.get();
    if request.body().size_hint().lower() > limit {
        return Err(Refusal::TooLarge { limit });
    }
    // Reading the body makes hyper send `100 Continue`, so from now on the client no longer waits. See `drain`.
    request.headers_mut().remove(EXPECT);
    let reading = collect(request.body_mut(), limit, &PARTIAL_BYTES);
    let bytes = timeout(settings.https.body_seconds.duration(), reading)
        .await
        .map_err(|_| Refusal::TooSlow)??;
    String::from_utf8(bytes).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        Refusal::Malformed(message!("byte {position} is not UTF-8", position))
    })
}

/// Collects a body into one buffer. A list of frames would take many times its size if the frames are small.
async fn collect(body: &mut Body, limit: u64, partial_bytes: &Semaphore) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut permits = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Malformed(message!("it ended too early")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() as u64 + data.len() as u64 > limit {
            return Err(Refusal::TooLarge { limit });
        }
        bytes.extend_from_slice(&data);
        if !body.is_end_stream() {
            let count = if permits.is_none() { bytes.len() } else { data.len() };
            let acquired = partial_bytes
                .try_acquire_many(u32::try_from(count).unwrap_or(u32::MAX))
                .map_err(|_| Refusal::Busy { retry_after: 1 })?;
            match &mut permits {
                None => permits = Some(acquired),
                Some(permits) => permits.merge(acquired),
            }
        }
    }
    Ok(bytes)
}

/// Reads and discards the rest of a refused body, within limits. Returns `false` if a part of it is left.
///
/// If the connection or the HTTP/2 stream closed while the client is still sending, the client would see a reset
/// instead of the refusal.
pub async fn drain(request: &mut Request) -> bool {
    // This client waits for a response before it sends the body.
    if request.headers().contains_key(EXPECT) {
        return request.body().is_end_stream();
    }
    let Ok(_permit) = DRAINS.try_acquire() else {
        return request.body().is_end_stream();
    };
    let mut body = mem::take(request.body_mut());
    let draining = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    timeout(DRAIN_TIMEOUT, draining).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, channel::mpsc, stream};

    use super::*;

    type Frame = Result<Vec<u8>, std::io::Error>;

    #[tokio::test]
    async fn frames_are_joined_and_a_body_over_the_limit_is_refused() {
        let body = |sizes: &[usize]| {
            let frames: Vec<Frame> = sizes.iter().map(|size| Ok(vec![b'x'; *size])).collect();
            Body::from_stream(stream::iter(frames))
        };
        let partial_bytes = Semaphore::new(1000);
        for (sizes, length) in [(&[][..], 0), (&[4], 4), (&[1; 10], 10), (&[3, 0, 4], 7)] {
            let read = collect(&mut body(sizes), 10, &partial_bytes).await;
            assert_eq!(read, Ok(vec![b'x'; length]));
        }
        for sizes in [&[11][..], &[1; 11], &[10, 1]] {
            let read = collect(&mut body(sizes), 10, &partial_bytes).await;
            assert_eq!(read, Err(Refusal::TooLarge { limit: 10 }));
        }
        assert_eq!(partial_bytes.available_permits(), 1000);
    }

    #[tokio::test]
    async fn partially_received_bodies_share_a_memory_limit() {
        let partial_bytes = Semaphore::new(25);
        let (mut senders, mut bodies): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (sender, frames) = mpsc::unbounded::<Frame>();
                (sender, Body::from_stream(frames))
            })
            .unzip();
        let (last, first) = bodies.split_last_mut().unwrap();
        for sender in &senders {
            sender.unbounded_send(Ok(vec![b'x'; 8])).unwrap();
        }
        let mut readings: Vec<_> = first
            .iter_mut()
            .map(|body| Box::pin(collect(body, 10, &partial_bytes)))
            .collect();
        for reading in &mut readings {
            assert!(reading.as_mut().now_or_never().is_none(), "waits for the rest");
        }
        let busy = Err(Refusal::Busy { retry_after: 1 });
        assert_eq!(collect(last, 10, &partial_bytes).await, busy);
        // A complete body does not count.
        assert_eq!(
            collect(&mut Body::from("xx"), 10, &partial_bytes).await,
            Ok(b"xx".to_vec())
        );
        senders.clear();
        for reading in readings {
            assert_eq!(reading.await, Ok(vec![b'x'; 8]));
        }
        assert_eq!(partial_bytes.available_permits(), 25);
    }
}
