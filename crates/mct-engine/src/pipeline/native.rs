//! Pipelines as threads.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Inbox, Outbox, Pipeline, Told, Wake};

/// The window's end of a pipeline. When it is dropped, the pipeline ends.
pub struct Handle<P: Pipeline> {
    asks: async_channel::Sender<P::Ask>,
    told: async_channel::Receiver<Told<P::Tell>>,
}

impl<P: Pipeline> Handle<P> {
    /// Starts the pipeline.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(setup: P::Setup, wake: Wake) -> Result<Self, String> {
        let (asks, inbox) = async_channel::unbounded();
        let (teller, told) = async_channel::unbounded();
        let run = move || {
            let (answers, waker) = (teller.clone(), wake.clone());
            let outbox = Outbox(Arc::new(move |tell| {
                // Nobody listens any more when the window has closed.
                answers.try_send(Told::Tell(tell)).ok();
                waker();
            }));
            let run = AssertUnwindSafe(|| pollster::block_on(P::run(setup, Inbox(inbox), outbox)));
            let ended = catch_unwind(run).unwrap_or_else(|panic| Err(message(&*panic)));
            if let Err(last_words) = ended {
                teller.try_send(Told::Died(last_words)).ok();
                wake();
            }
        };
        std::thread::Builder::new()
            .name(P::NAME.to_owned())
            .spawn(run)
            .map_err(|error| format!("{}: {error}", P::NAME))?;
        Ok(Self { asks, told })
    }

    /// Asks; nobody hears it when the pipeline has died.
    pub fn ask(&self, ask: P::Ask) {
        self.asks.try_send(ask).ok();
    }

    /// What has come back since the last time.
    pub fn told(&self) -> impl Iterator<Item = Told<P::Tell>> + '_ {
        std::iter::from_fn(|| self.told.try_recv().ok())
    }
}

/// Gives way to whatever else runs in this thread: natively nothing does.
pub async fn give_way() {}

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
        type Ask = i32;
        type Tell = i32;
        async fn run(setup: i32, inbox: Inbox<i32>, outbox: Outbox<i32>) -> Result<(), String> {
            while let Some(ask) = inbox.next().await {
                assert_ne!(ask, 13, "unlucky");
                if ask == 4 {
                    return Err("death".to_owned());
                }
                outbox.tell(2 * ask + setup);
            }
            Ok(())
        }
    }

    fn wait(handle: &Handle<Doubler>) -> Told<i32> {
        for _ in 0..1000 {
            if let Some(told) = handle.told().next() {
                return told;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("nothing came back");
    }

    #[test]
    fn asks_are_answered_in_order_and_a_panic_is_told() {
        let handle = Handle::<Doubler>::start(1, Arc::new(|| {})).unwrap();
        handle.ask(1);
        handle.ask(2);
        assert_eq!(wait(&handle), Told::Tell(3));
        assert_eq!(wait(&handle), Told::Tell(5));
        handle.ask(13);
        match wait(&handle) {
            Told::Died(message) => assert!(message.contains("unlucky"), "{message}"),
            told => panic!("{told:?}"),
        }
        let handle = Handle::<Doubler>::start(1, Arc::new(|| {})).unwrap();
        handle.ask(4);
        assert_eq!(wait(&handle), Told::Died("death".to_owned()));
    }
}
