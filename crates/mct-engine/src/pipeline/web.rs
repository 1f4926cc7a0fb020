//! Pipelines as web workers. Messages cross as MessagePack.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    DedicatedWorkerGlobalScope, ErrorEvent, MessageChannel, MessageEvent, Worker, WorkerOptions,
    WorkerType,
};

use super::{Inbox, Outbox, Pipeline, Received, Wake};

/// The scripts that a worker starts from, beside the page: with the module of the page, or with its own.
const SCRIPT: &str = "./worker.js";
const SCRIPT_APART: &str = "./extractor.js";

/// The page's end of a pipeline. When it is dropped, the worker ends.
pub struct Handle<P: Pipeline> {
    worker: Worker,
    received: Rc<RefCell<VecDeque<Received<P::Response>>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl<P: Pipeline> Drop for Handle<P> {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

impl<P: Pipeline> Handle<P> {
    /// Starts the worker. Requests are queued until it is ready.
    ///
    /// # Errors
    /// When the browser allows no worker.
    pub fn start(setup: P::Setup, wake: Wake) -> Result<Self, String> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(P::NAME);
        let script = if P::IS_APART { SCRIPT_APART } else { SCRIPT };
        let worker = Worker::new_with_options(script, &options)
            .map_err(|error| format!("{}: {error:?}", P::NAME))?;
        let received = Rc::new(RefCell::new(VecDeque::new()));
        let (queue, waker) = (received.clone(), wake.clone());
        let on_message = Closure::new(move |event: MessageEvent| {
            let message = match event.data().dyn_into::<Uint8Array>() {
                Ok(bytes) => unpack(&bytes).map_or_else(Received::Died, Received::Response),
                // A string: the error that ended the worker.
                Err(other) => Received::Died(other.as_string().unwrap_or_default()),
            };
            queue.borrow_mut().push_back(message);
            waker();
        });
        let queue = received.clone();
        let on_error = Closure::new(move |event: ErrorEvent| {
            queue
                .borrow_mut()
                .push_back(Received::Died(event.message()));
            wake();
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let first = Object::new();
        let set = |key: &str, value: &JsValue| Reflect::set(&first, &key.into(), value).is_ok();
        if !P::IS_APART {
            set("module", &wasm_bindgen::module());
        }
        set("pipeline", &P::NAME.into());
        set("setup", &pack(&setup)?.into());
        let posted = worker.post_message(&first);
        posted.map_err(|error| format!("{}: {error:?}", P::NAME))?;
        Ok(Self {
            worker,
            received,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Sends a request; it is dropped when the worker has died.
    pub fn request(&self, request: P::Request) {
        if let Ok(bytes) = pack(&request) {
            let transfer = Array::of1(&bytes.buffer());
            let posted = self.worker.post_message_with_transfer(&bytes, &transfer);
            debug_assert!(posted.is_ok(), "bytes can always be posted");
        }
    }

    /// The messages received since the last call.
    pub fn received(&self) -> impl Iterator<Item = Received<P::Response>> + '_ {
        std::iter::from_fn(|| self.received.borrow_mut().pop_front())
    }
}

/// A JavaScript function that delivers a message to the pipeline of this worker.
pub type Messages = Function;

/// Runs a pipeline in this worker, and returns the function that delivers messages to it.
///
/// # Errors
/// When this is not a worker, or the setup cannot be decoded.
pub fn serve<P: Pipeline>(setup: &Uint8Array) -> Result<Messages, JsValue> {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().dyn_into()?;
    let (sender, receiver) = async_channel::unbounded::<P::Request>();
    let setup: P::Setup = unpack(setup)?;
    let outbox = Outbox(Arc::new(move |response: P::Response| {
        if let Ok(bytes) = pack(&response) {
            let transfer = Array::of1(&bytes.buffer());
            let posted = scope.post_message_with_transfer(&bytes, &transfer);
            debug_assert!(posted.is_ok(), "bytes can always be posted");
        }
    }));
    std::panic::set_hook(Box::new(|panic| die(&panic.to_string())));
    spawn_local(async {
        if let Err(message) = P::run(setup, Inbox(receiver), outbox).await {
            die(&message);
        }
    });
    let deliver =
        Closure::<dyn FnMut(Uint8Array)>::new(move |bytes: Uint8Array| match unpack(&bytes) {
            Ok(request) => {
                sender.try_send(request).ok();
            }
            Err(error) => wasm_bindgen::throw_str(&error),
        });
    Ok(deliver.into_js_value().unchecked_into())
}

/// Reports the error that ended the pipeline. The page shows it and offers to start another worker.
fn die(message: &str) {
    if let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() {
        scope.post_message(&message.into()).ok();
    }
}

fn pack<T: Serialize>(value: &T) -> Result<Uint8Array, String> {
    let bytes = rmp_serde::to_vec_named(value).map_err(|error| error.to_string())?;
    Ok(Uint8Array::from(&bytes[..]))
}

fn unpack<T: DeserializeOwned>(bytes: &Uint8Array) -> Result<T, String> {
    rmp_serde::from_slice(&bytes.to_vec()).map_err(|error| error.to_string())
}

/// Turns of this worker's event loop: messages that it sends itself. One closure serves all of them, since what a
/// turn leaves behind a worker collects late.
struct Turns {
    channel: MessageChannel,
    counts: Rc<Counts>,
    _on_message: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct Counts {
    asked: Cell<u64>,
    begun: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl Turns {
    fn new() -> Option<Self> {
        let channel = MessageChannel::new().ok()?;
        let counts = Rc::new(Counts::default());
        let own = counts.clone();
        let on_message = Closure::<dyn FnMut()>::new(move || {
            own.begun.set(own.begun.get() + 1);
            own.waiting.take().into_iter().for_each(Waker::wake);
        });
        let port = channel.port1();
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self {
            channel,
            counts,
            _on_message: on_message,
        })
    }

    /// Asks for a turn, and returns its number.
    fn ask(&self) -> Option<u64> {
        let posted = self.channel.port2().post_message(&JsValue::NULL);
        let turn = self.counts.asked.get() + 1;
        posted.ok()?;
        self.counts.asked.set(turn);
        Some(turn)
    }
}

thread_local! {
    static TURNS: Option<Turns> = Turns::new();
}

/// Yields to the worker's event loop, so that messages are delivered. A resolved promise would resume
/// before them, and a timer waits 4 ms.
pub async fn yield_now() {
    // Without a channel: resumes at once.
    let Some(turn) = TURNS.with(|turns| turns.as_ref().and_then(Turns::ask)) else {
        return;
    };
    let begun = |context: &mut Context| {
        TURNS.with(|turns| match turns {
            Some(Turns { counts, .. }) if counts.begun.get() < turn => {
                counts.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        })
    };
    poll_fn(begun).await;
}
