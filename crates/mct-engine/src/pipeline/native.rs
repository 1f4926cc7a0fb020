//! Pipelines as threads.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Inbox, Outbox, Pipeline, Received, Wake};

/// The window's end of a pipeline. When it is dropped, the pipeline ends.
pub struct Handle<P: Pipeline> {
    requests: async_channel::Sender<P::Request>,
    received: async_channel::Receiver<Received<P::Response>>,
}

impl<P: Pipeline> Handle<P> {
    /// Starts the pipeline.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(setup: P::Setup, wake: Wake) -> Result<Self, String> {
        let (requests, inbox) = async_channel::unbounded();
        let (sender, received) = async_channel::unbounded();
        let run = move || {
            let (responses, waker) = (sender.clone(), wake.clone());
            let outbox = Outbox(Arc::new(move |response| {
                // Fails once the window has closed.
                responses.try_send(Received::Response(response)).ok();
                waker();
            }));
            let run = AssertUnwindSafe(|| pollster::block_on(P::run(setup, Inbox(inbox), outbox)));
            let ended = catch_unwind(run).unwrap_or_else(|panic| Err(message(&*panic)));
            if let Err(message) = ended {
                sender.try_send(Received::Died(message)).ok();
                wake();
            }
        };
        std::thread::Builder::new()
            .name(P::NAME.to_owned())
            .spawn(run)
            .map_err(|error| format!("{}: {error}", P::NAME))?;
        Ok(Self { requests, received })
    }

    /// Sends a request; it is dropped when the pipeline has died.
    pub fn request(&self, request: P::Request) {
        self.requests.try_send(request).ok();
    }

    /// The messages received since the last call.
    pub fn received(&self) -> impl Iterator<Item = Received<P::Response>> + '_ {
        std::iter::from_fn(|| self.received.try_recv().ok())
    }
}

/// Yields to other work of this thread: natively there is none.
pub async fn yield_now() {}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "an error without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    struct Doubler;

    impl Pipeline for Doubler {
        const NAME: &'static str = "doubler";
        type Setup = i32;
        type Request = i32;
        type Response = i32;
        async fn run(setup: i32, inbox: Inbox<i32>, outbox: Outbox<i32>) -> Result<(), String> {
            while let Some(request) = inbox.next().await {
                assert_ne!(request, 13, "unlucky");
                if request == 4 {
                    return Err("death".to_owned());
                }
                outbox.respond(2 * request + setup);
            }
            Ok(())
        }
    }

    fn next_message(handle: &Handle<Doubler>) -> Received<i32> {
        for _ in 0..1000 {
            if let Some(received) = handle.received().next() {
                return received;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("no message was received");
    }

    #[test]
    fn responses_follow_the_order_of_requests_and_a_panic_is_reported() {
        let handle = Handle::<Doubler>::start(1, Arc::new(|| {})).unwrap();
        handle.request(1);
        handle.request(2);
        assert_eq!(next_message(&handle), Received::Response(3));
        assert_eq!(next_message(&handle), Received::Response(5));
        handle.request(13);
        match next_message(&handle) {
            Received::Died(message) => assert!(message.contains("unlucky"), "{message}"),
            received => panic!("{received:?}"),
        }
        let handle = Handle::<Doubler>::start(1, Arc::new(|| {})).unwrap();
        handle.request(4);
        assert_eq!(next_message(&handle), Received::Died("death".to_owned()));
    }
}
