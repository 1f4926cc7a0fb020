//! Pictures of a recording, a few a second: of a video by ffmpeg, or of a folder of picture files.

use std::ffi::OsString;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::RecordingError;
use crate::ffmpeg::{Ffmpeg, Unread};
use crate::frame::{FRAMES_HZ, Frame, is_recording};

/// Pixels of a picture, at most: a header may claim any number.
const MOST_PIXELS: usize = 1 << 26;

/// Pictures of a video, at most, which are those of a day: a gap in its times is filled with copies.
const MOST_PICTURES: usize = (FRAMES_HZ * 86_400.0) as usize;

impl Ffmpeg {
    /// Gives the pictures of a video, [`FRAMES_HZ`] a second, to `take`, one after the other; `seconds` is
    /// the part that is wanted.
    ///
    /// # Errors
    /// When there is no ffmpeg, it fails or is stopped, or the file has no picture.
    pub fn frames(
        &self,
        path: &Path,
        seconds: Option<[f64; 2]>,
        mut take: impl FnMut(Frame),
    ) -> Result<usize, RecordingError> {
        let mut options = Vec::new();
        if let Some([start, end]) = seconds {
            options.extend(["-ss".into(), format!("{start}").into()]);
            options.extend(["-t".into(), format!("{}", end - start).into()]);
        }
        let rate = format!("fps={FRAMES_HZ}");
        // Pictures with a header each, so that nobody needs to know their size before.
        let output = [
            "-map",
            "0:v:0",
            "-vf",
            &rate,
            "-c:v",
            "ppm",
            // Of a video of 10 bits it would choose 16.
            "-pix_fmt",
            "rgb24",
            "-f",
            "image2pipe",
            "-",
        ];
        let command = self.command(&options, path, &output);
        let mut count = 0;
        Self::listen(command, RecordingError::NoPicture, |pipe| {
            each(&mut BufReader::new(pipe), |frame| {
                count += 1;
                take(frame);
            })
        })?;
        match count {
            0 => Err(RecordingError::NoPicture),
            count => Ok(count),
        }
    }
}

/// Every picture of a stream of binary portable pixmaps.
fn each(stream: &mut impl Read, mut take: impl FnMut(Frame)) -> Result<(), Unread> {
    let mut count = 0;
    while let Some([width, height]) = header(stream)? {
        count += 1;
        if count > MOST_PICTURES {
            return Err(refused(format!("more than {MOST_PICTURES} pictures")));
        }
        let pixels = width.checked_mul(height).filter(|&all| all <= MOST_PIXELS);
        let pixels = pixels.ok_or_else(|| refused(format!("a picture of {width} x {height}")))?;
        let mut rgb = vec![0; 3 * pixels];
        let cut = |_| ended("ends within a picture".to_owned());
        stream.read_exact(&mut rgb).map_err(cut)?;
        take(Frame { width, height, rgb });
    }
    Ok(())
}

/// Width and height of the next picture, `P6\nWIDTH HEIGHT\n255\n`; `None` at the end.
fn header(stream: &mut impl Read) -> Result<Option<[usize; 2]>, Unread> {
    let mut words: [String; 4] = Default::default();
    for (at, word) in words.iter_mut().enumerate() {
        loop {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(0) if at == 0 && word.is_empty() => return Ok(None),
                Ok(0) => return Err(ended("ends within a header".to_owned())),
                Ok(_) if byte[0].is_ascii_whitespace() => break,
                Ok(_) if word.len() < 20 => word.push(char::from(byte[0])),
                Ok(_) => return Err(refused("is no stream of pictures".to_owned())),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Unread::Refused(error.into())),
            }
        }
    }
    let [kind, width, height, most] = words;
    match (width.parse(), height.parse()) {
        (Ok(width), Ok(height)) if kind == "P6" && most == "255" => Ok(Some([width, height])),
        _ => Err(refused(format!(
            "is no stream of pictures: {kind} {width} {height} {most}"
        ))),
    }
}

fn refused(cause: String) -> Unread {
    Unread::Refused(RecordingError::Undecodable(cause))
}

fn ended(cause: String) -> Unread {
    Unread::Ended(RecordingError::Undecodable(cause))
}

/// The recordings in a folder, in the order of their names.
///
/// # Errors
/// When the folder cannot be read.
pub fn in_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_recording(&path) && !name.starts_with('.') && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Gives the pictures (.png, .jpg) in a folder to `take`, in the order of their names.
///
/// # Errors
/// When the folder or a picture cannot be read, or there is none.
pub fn pictures(folder: &Path, mut take: impl FnMut(Frame)) -> Result<usize, RecordingError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        let known = ["png", "jpg", "jpeg"].map(OsString::from);
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if ending.is_some_and(|ending| known.contains(&ending)) && !hidden {
            paths.push(path);
        }
    }
    // 2.png before 10.png: numbers that are written without zeros in front.
    paths.sort_by_key(|path| {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let digits = name
            .rfind(|c: char| !c.is_ascii_digit())
            .map_or(0, |at| at + 1);
        let digits = (digits..=name.len())
            .find(|&at| name.is_char_boundary(at))
            .unwrap_or(0);
        let (stem, number) = name.split_at(digits);
        (
            stem.to_owned(),
            number.parse::<u64>().unwrap_or(0),
            path.clone(),
        )
    });
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let unreadable = |error: String| RecordingError::Undecodable(format!("{name}: {error}"));
        // A pipe would be waited for, and a device has no end.
        let kind = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
        if !kind.is_file() {
            return Err(unreadable("no regular file".to_owned()));
        }
        let open = || image::ImageReader::open(path)?.with_guessed_format();
        // Of its header alone, before anything is made for it.
        let size = open().map_err(|error| unreadable(error.to_string()))?;
        let size = size.into_dimensions();
        let (width, height) = size.map_err(|error| unreadable(error.to_string()))?;
        if (width as usize).saturating_mul(height as usize) > MOST_PIXELS {
            return Err(unreadable(format!("a picture of {width} x {height}")));
        }
        let picture = open().map_err(|error| unreadable(error.to_string()))?;
        let picture = picture.decode();
        let picture = picture
            .map_err(|error| unreadable(error.to_string()))?
            .into_rgb8();
        take(Frame {
            width: picture.width() as usize,
            height: picture.height() as usize,
            rgb: picture.into_raw(),
        });
    }
    match paths.len() {
        0 => Err(RecordingError::NoPicture),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Result<Vec<Frame>, String> {
        let mut frames = Vec::new();
        let read = each(&mut bytes, |frame| frames.push(frame));
        read.map_err(|unread| match unread {
            Unread::Refused(error) => format!("refused: {error}"),
            Unread::Ended(error) => format!("ended: {error}"),
        })?;
        Ok(frames)
    }

    #[test]
    fn a_stream_of_pictures() {
        let frames = all(b"P6\n2 1\n255\nabcdefP6\n1 1\n255\nxyz").unwrap();
        assert_eq!((frames[0].width, frames[0].height), (2, 1));
        assert_eq!(
            (frames[0].rgb.as_slice(), frames[1].rgb.as_slice()),
            (&b"abcdef"[..], &b"xyz"[..])
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        for (bytes, expected) in [
            (
                &b"P6\n2 1\n255\nabc"[..],
                "ended: cannot be decoded: ends within a picture",
            ),
            (b"P6\n2", "ended: cannot be decoded: ends within a header"),
            (b"P6\n", "ended: cannot be decoded: ends within a header"),
            (
                b"P6\n99999999 99999999\n255\n",
                "refused: cannot be decoded: a picture of",
            ),
            (
                b"P5\n2 1\n255\nabcdef",
                "refused: cannot be decoded: is no stream",
            ),
        ] {
            let error = all(bytes).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(all(b"").unwrap(), []);
    }

    /// That of PNG.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| match sum & 1 {
                1 => (sum >> 1) ^ 0xEDB8_8320,
                _ => sum >> 1,
            })
        })
    }

    #[test]
    fn a_folder_of_pictures_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        for (name, red) in [("f10.png", 10), ("f2.png", 2), ("f1.png", 1)] {
            let picture = image::RgbImage::from_pixel(3, 2, image::Rgb([red, 0, 0]));
            picture.save(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("._f1.png"), b"").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"").unwrap();
        let mut reds = Vec::new();
        let count = pictures(folder.path(), |frame| reds.push(frame.rgb[0])).unwrap();
        assert_eq!((count, reds), (3, vec![1, 2, 10]));
        // Its header alone says that it is too large.
        let mut large = std::fs::read(folder.path().join("f1.png")).unwrap();
        large[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = crc32(&large[12..29]);
        large[29..33].copy_from_slice(&checksum.to_be_bytes());
        std::fs::write(folder.path().join("f3.png"), large).unwrap();
        let error = pictures(folder.path(), |_| ()).unwrap_err().to_string();
        assert!(
            error.contains("f3.png: a picture of 65536 x 65536"),
            "{error}"
        );
        #[cfg(unix)]
        {
            std::fs::remove_file(folder.path().join("f3.png")).unwrap();
            std::os::unix::fs::symlink("/dev/zero", folder.path().join("f3.png")).unwrap();
            let error = pictures(folder.path(), |_| ()).unwrap_err().to_string();
            assert!(error.contains("f3.png: no regular file"), "{error}");
            std::fs::remove_file(folder.path().join("f3.png")).unwrap();
        }
        std::fs::write(folder.path().join("f3.png"), b"no picture").unwrap();
        let error = pictures(folder.path(), |_| ()).unwrap_err().to_string();
        assert!(error.contains("f3.png"), "{error}");
    }
}
