//! Pipelines compute beside the window and respond to its requests: one thread each natively, one worker
//! each in a browser.
//!
//! A pipeline never moves between threads: burn orders GPU work by the submitting thread, so the work of
//! one step submitted from two threads could run out of order. Requests and responses are plain data,
//! which can cross from page to worker.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{Handle, yield_now};
#[cfg(target_arch = "wasm32")]
pub use web::{Handle, Messages, serve, yield_now};

/// Plain data that can be sent between threads, and between page and worker.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {}
impl<T: Serialize + DeserializeOwned + Send + 'static> Message for T {}

/// A computation in a separate thread or worker.
pub trait Pipeline: 'static {
    /// The name of the thread or worker.
    const NAME: &'static str;
    /// Whether it is in a module of its own in a browser, so that the page loads it only when it starts.
    const IS_APART: bool = false;
    /// Parameters of the start.
    type Setup: Message + Clone;
    type Request: Message;
    type Response: Message;

    /// Runs until the handle is dropped.
    ///
    /// # Errors
    /// When it cannot continue: there is no device, or the device was lost.
    fn run(
        setup: Self::Setup,
        inbox: Inbox<Self::Request>,
        outbox: Outbox<Self::Response>,
    ) -> impl Future<Output = Result<(), String>>;
}

/// A message received from a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Received<T> {
    Response(T),
    /// It ended on an error that it could not recover from: a panic, or a lost device. No more messages
    /// follow.
    Died(String),
}

/// Called when a message has arrived, to wake the window.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The requests to a pipeline, in order.
pub struct Inbox<T>(async_channel::Receiver<T>);

impl<T> Inbox<T> {
    /// Waits for the next request; `None` when the handle was dropped.
    pub async fn next(&self) -> Option<T> {
        self.0.recv().await.ok()
    }

    /// The next request, if one is queued.
    pub fn try_next(&self) -> Option<T> {
        self.0.try_recv().ok()
    }

    /// Whether the handle was dropped, so that no more requests can be sent.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Where a pipeline sends its responses.
pub struct Outbox<T>(Arc<dyn Fn(T)>);

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Outbox<T> {
    /// Sends a response to the window.
    pub fn respond(&self, response: T) {
        (self.0)(response);
    }
}
