//! A pipeline computes beside the window and answers what it is asked: natively one thread, in a
//! browser one worker.
//!
//! A pipeline never moves between threads: burn orders the work of a GPU by the thread that it comes
//! from, and work of one step that came from two would overtake itself. What it is told and what it
//! tells are plain data, so that both sides of a worker can hold them.

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

/// Plain data that can be handed from thread to thread and from page to worker.
pub trait Message: Serialize + DeserializeOwned + Send + 'static {}
impl<T: Serialize + DeserializeOwned + Send + 'static> Message for T {}

/// What runs in a thread or worker of its own.
pub trait Pipeline: 'static {
    /// Names the thread or worker.
    const NAME: &'static str;
    /// What it is told once, when it starts.
    type Setup: Message + Clone;
    type Request: Message;
    type Response: Message;

    /// Runs until the other side is gone.
    ///
    /// # Errors
    /// Its last words, when it is of no use any more: there is no device, or it was lost.
    fn run(
        setup: Self::Setup,
        inbox: Inbox<Self::Request>,
        outbox: Outbox<Self::Response>,
    ) -> impl Future<Output = Result<(), String>>;
}

/// What comes back from a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Received<T> {
    Response(T),
    /// It ended on an error that it could not answer: a panic, or a device that was lost. Nothing more
    /// will come.
    Died(String),
}

/// Called when something has come back, so that the window looks.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What a pipeline is asked, in order.
pub struct Inbox<T>(async_channel::Receiver<T>);

impl<T> Inbox<T> {
    /// Waits; `None` when the other side is gone.
    pub async fn next(&self) -> Option<T> {
        self.0.recv().await.ok()
    }

    /// What is already there.
    pub fn try_next(&self) -> Option<T> {
        self.0.try_recv().ok()
    }

    /// Whether nobody can ask any more.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Where a pipeline answers.
pub struct Outbox<T>(Arc<dyn Fn(T)>);

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Outbox<T> {
    pub fn respond(&self, response: T) {
        (self.0)(response);
    }
}
