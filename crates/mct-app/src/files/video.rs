//! What only the browser can decode: the pictures of a video, by its own `<video>`, and sound of formats that
//! our readers do not know.

use js_sys::{Array, Function, Promise, Uint8Array};
use mct_engine::extraction::{FRAMES_HZ, Frame, Recording};
use mct_engine::source::Source;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AddEventListenerOptions, AudioBuffer, Blob, CanvasRenderingContext2d, HtmlCanvasElement,
    HtmlVideoElement, OfflineAudioContext, Url,
};

/// Bytes that the pictures of a recording may take: those of a longer one are smaller.
const MOST_BYTES: f64 = 128e6;
/// Pixels from top to bottom, at most.
const MOST_HEIGHT: f64 = 480.0;
/// Seconds, at most.
const MOST_SECS: f64 = 1200.0;
/// Samples a second, as extractors expect them.
const SAMPLE_RATE_HZ: f32 = 16_000.0;

/// Reads the file of a recording, and decodes its pictures where it has some.
///
/// Its pictures may take `share` of the memory for all. Returns what the browser could not do.
///
/// # Errors
/// When it cannot be fetched.
pub async fn decode(recording: &mut Recording, share: f64) -> Result<Option<String>, String> {
    if let Source::Url { name, url } = &recording.file {
        recording.file = Source::Bytes {
            name: name.clone(),
            bytes: mct_engine::browser::fetch(url).await?.into(),
        };
    }
    let is_video = recording.is_video();
    let Source::Bytes { name, bytes } = &recording.file else {
        return Ok(None);
    };
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_lowercase());
    // Everything else is read by the same code as on the desktop.
    let is_foreign = matches!(ending.as_deref(), Some("webm" | "opus" | "mkv" | "avi"));
    if is_video || is_foreign {
        recording.decoded = sound(bytes).await.ok();
    }
    if is_video {
        let file = Uint8Array::from(&bytes[..]);
        match pictures(&file, share).await {
            Ok(frames) => recording.frames = frames,
            Err(error) => {
                let error = error
                    .as_string()
                    .unwrap_or_else(|| "it cannot be played".to_owned());
                return Ok(Some(format!("its pictures cannot be had: {error}")));
            }
        }
    }
    Ok(None)
}

/// Samples of one channel and their rate.
async fn sound(bytes: &[u8]) -> Result<(Vec<f32>, u32), JsValue> {
    let context = OfflineAudioContext::new_with_number_of_channels_and_length_and_sample_rate(
        1,
        1,
        SAMPLE_RATE_HZ,
    )?;
    let file = Uint8Array::from(bytes).buffer();
    let buffer = JsFuture::from(context.decode_audio_data(&file)?).await?;
    let buffer: AudioBuffer = buffer.dyn_into()?;
    let channels = buffer.number_of_channels().max(1);
    let mut mono = vec![0.0; buffer.length() as usize];
    for channel in 0..channels {
        for (sum, value) in mono.iter_mut().zip(buffer.get_channel_data(channel)?) {
            *sum += value / channels as f32;
        }
    }
    Ok((mono, SAMPLE_RATE_HZ as u32))
}

/// The pictures of a video, [`FRAMES_HZ`] a second.
async fn pictures(file: &Uint8Array, share: f64) -> Result<Vec<Frame>, JsValue> {
    let document = web_sys::window()
        .and_then(|window| window.document())
        .ok_or("no document")?;
    let video: HtmlVideoElement = document.create_element("video")?.dyn_into()?;
    let canvas: HtmlCanvasElement = document.create_element("canvas")?.dyn_into()?;
    let blob = Blob::new_with_u8_array_sequence(&Array::of1(file))?;
    let url = Url::create_object_url_with_blob(&blob)?;
    video.set_muted(true);
    video.set_preload("auto");
    let loaded = event(&video, "loadeddata");
    video.set_src(&url);
    let frames = match JsFuture::from(loaded).await {
        Ok(_) => sample(&video, &canvas, share).await,
        Err(error) => Err(error),
    };
    video.set_src("");
    Url::revoke_object_url(&url)?;
    frames
}

async fn sample(
    video: &HtmlVideoElement,
    canvas: &HtmlCanvasElement,
    share: f64,
) -> Result<Vec<Frame>, JsValue> {
    let rate = f64::from(FRAMES_HZ);
    let duration = video.duration();
    if !duration.is_finite() || duration > MOST_SECS {
        return Err("its length is not known, or too much".into());
    }
    if video.video_width() == 0 {
        return Err("it has none".into());
    }
    let count = (duration * rate).round().max(1.0);
    let (width, height) = (
        f64::from(video.video_width()),
        f64::from(video.video_height()),
    );
    let most = (MOST_BYTES * share / count / 3.0 / (width / height.max(1.0)).max(0.1)).sqrt();
    let scale = (MOST_HEIGHT.min(most) / height.max(1.0)).min(1.0);
    let (width, height) = (
        (width * scale).max(1.0).floor(),
        (height * scale).max(1.0).floor(),
    );
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let context: CanvasRenderingContext2d =
        canvas.get_context("2d")?.ok_or("no canvas")?.dyn_into()?;
    let mut frames = Vec::new();
    for index in 0..count as usize {
        let seeked = event(video, "seeked");
        // A hair behind the edge of a picture.
        video.set_current_time((index as f64 / rate + 1e-3).min(duration));
        JsFuture::from(seeked).await?;
        context.draw_image_with_html_video_element_and_dw_and_dh(video, 0.0, 0.0, width, height)?;
        let data = context.get_image_data(0.0, 0.0, width, height)?.data();
        let rgb = data.as_chunks::<4>().0.iter();
        frames.push(Frame {
            width: width as usize,
            height: height as usize,
            rgb: rgb.flat_map(|[r, g, b, _]| [*r, *g, *b]).collect(),
        });
    }
    Ok(frames)
}

/// Resolves with the next event of this name, and fails with an error of the video.
fn event(video: &HtmlVideoElement, name: &str) -> Promise {
    let options = AddEventListenerOptions::new();
    options.set_once(true);
    let listen = |name: &str, then: &Function| {
        // A browser that refuses a listener has no video either.
        video
            .add_event_listener_with_callback_and_add_event_listener_options(name, then, &options)
            .ok();
    };
    Promise::new(&mut |resolve, reject| {
        listen(name, &resolve);
        listen("error", &reject);
    })
}
