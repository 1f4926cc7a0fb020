//! What a file is that holds no features.

use crate::error::Finding;

/// What the file is and what to do, where it is recognised as something that cannot be imported.
pub fn diagnose(bytes: &[u8]) -> Option<Finding> {
    let (found, expected) = of_magic(bytes)?;
    Some(Finding::new("file", found, expected))
}

type Diagnosis = (&'static str, &'static str);

fn of_magic(bytes: &[u8]) -> Option<Diagnosis> {
    const UNPACK: &str = "a feature file: unpack it first";
    const EXTRACT: &str = "a feature file: `mct-hfr corpus extract` makes features of recordings";
    const CONVERT: &str = "npz, a pickle, or a table with .npy files: read it in Python and write \
         `numpy.savez(out, id=…, label=…, audio=…, audio_lengths=…)`";
    let magic: [(&[u8], Diagnosis); 19] = [
        (
            b"version https://git-lfs",
            (
                "a Git LFS pointer, which stands for a file that was not downloaded",
                "the file itself: `git lfs pull` gets it",
            ),
        ),
        (
            b"\x89HDF\r\n\x1a\n",
            ("an HDF5 file (.h5, .hdf5, .csd)", CONVERT),
        ),
        (b"MATLAB 5.0", ("a MATLAB file", CONVERT)),
        (b"PAR1", ("a Parquet file", CONVERT)),
        (b"ARROW1", ("an Arrow file", CONVERT)),
        (b"SQLite format 3", ("an SQLite database", CONVERT)),
        (b"\x1f\x8b", ("a gzip archive", UNPACK)),
        (b"BZh", ("a bzip2 archive", UNPACK)),
        (b"\xfd7zXZ\0", ("an xz archive", UNPACK)),
        (b"\x28\xb5\x2f\xfd", ("a zstd archive", UNPACK)),
        (b"7z\xbc\xaf\x27\x1c", ("a 7z archive", UNPACK)),
        (b"Rar!", ("a RAR archive", UNPACK)),
        (b"%PDF", ("a PDF", "a feature file")),
        (b"\x89PNG", ("a picture", "a feature file")),
        (b"RIFF", ("a sound or a video", EXTRACT)),
        (b"fLaC", ("a sound", EXTRACT)),
        (b"OggS", ("a sound", EXTRACT)),
        (b"ID3", ("a sound", EXTRACT)),
        (
            b"\x93NUMPY",
            (
                "a single numpy array",
                "an npz with ids and labels, or a table that names .npy files (--from table)",
            ),
        ),
    ];
    if bytes.is_empty() {
        let expected = "a feature file (was the download interrupted?)";
        return Some(("0 bytes", expected));
    }
    let found = magic
        .into_iter()
        .find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, diagnosis)) = found {
        return Some(diagnosis);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", UNPACK));
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(("a sound or a video", EXTRACT));
    }
    let text = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let start = text.trim_ascii_start().to_ascii_lowercase();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        return Some((
            "a web page",
            "the file itself: the download ended on a page that asks to sign in, to confirm or to wait; \
             open the address in a browser",
        ));
    }
    if start.starts_with(b"<?xml") || start.starts_with(b"<error") {
        return Some((
            "an XML message",
            "the file itself: the download was refused",
        ));
    }
    if start.starts_with(b"{\"") {
        let expected = "npz, a pickle, or a table (.csv, .tsv) with .npy files";
        return Some(("JSON text", expected));
    }
    let names = |name: &[u8]| text.windows(name.len()).any(|window| window == name);
    if text.starts_with(b"PK\x03\x04") && (names(b"[Content_Types].xml") || names(b"xl/workbook")) {
        return Some(("a spreadsheet", "a table as text: save it as CSV UTF-8"));
    }
    if text.starts_with(b"\x80") && names(b"pandas") {
        let expected = "plain data: in Python `frame.to_csv(\"clips.csv\", index=False)` for a table that \
             names files, `numpy.savez` for arrays";
        return Some(("a pickle of pandas", expected));
    }
    is_torch(bytes).then_some((
        "a PyTorch archive",
        "npz, a pickle, or a table with .npy files: in Python `torch.load`, then `.numpy()` of each \
         tensor and `numpy.savez(out, …)`",
    ))
}

/// A zip as `torch.save` writes, or the pickle of older ones.
fn is_torch(bytes: &[u8]) -> bool {
    // The number that older files begin with: LONG1 of 10 bytes.
    const OLD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    let head = &bytes[..bytes.len().min(512)];
    let names = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    let zip = bytes.starts_with(b"PK\x03\x04") && names(b"/data.pkl");
    bytes.starts_with(OLD) || zip || (bytes.starts_with(b"\x80") && names(b"ctorch._utils\n"))
}

/// Whether the line endings of a pickle were converted: every LF of a file with several has a CR before it.
pub(super) fn has_converted_lines(bytes: &[u8]) -> bool {
    const FEWEST: usize = 8;
    let mut count = 0;
    for (place, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            if place == 0 || bytes[place - 1] != b'\r' {
                return false;
            }
            count += 1;
        }
    }
    count >= FEWEST
}

/// What to do about [`has_converted_lines`].
pub(super) fn converted_lines() -> Finding {
    let found = "line endings CR LF in a pickle: a program took it for text and damaged it";
    let expected = "the file as it was written: copy it again as a binary file (FTP in binary mode, Git \
         with `*.pkl binary` in .gitattributes)";
    Finding::new("file", found, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_what_they_are() {
        for (bytes, part) in [
            (&b""[..], "0 bytes"),
            (b"<!DOCTYPE html><html>", "a web page"),
            (b"\n  <HTML lang=en>", "a web page"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                "git lfs pull",
            ),
            (b"\x89HDF\r\n\x1a\n\0\0", "HDF5"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"PK\x03\x04\0\0\0\0archive/data.pkl", "PyTorch"),
            (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n", "PyTorch"),
            (b"\0\0\0\x20ftypisom", "corpus extract"),
            (b"RIFF\0\0\0\0WAVEfmt ", "corpus extract"),
            (b"fLaC\0", "corpus extract"),
            (b"PK\x03\x04\x14\0\x06\0\x08[Content_Types].xml", "CSV"),
            (b"\x80\x04\x95\0\x8c\x11pandas.core.frame", "to_csv"),
            (b"{\"a\": 1}", "JSON"),
        ] {
            let finding = diagnose(bytes).expect("a diagnosis").to_string();
            assert!(finding.contains(part), "{finding}");
        }
        assert_eq!(diagnose(b"PK\x03\x04\0\0audio.npy"), None);
        assert_eq!(diagnose(b"\x80\x04\x95"), None);
        assert_eq!(diagnose(b"(dp0\nV"), None);
    }

    #[test]
    fn converted_lines_are_told_from_binary_data() {
        assert!(has_converted_lines(&b"(dp0\r\n".repeat(8)));
        assert!(!has_converted_lines(&b"(dp0\n".repeat(8)));
        assert!(!has_converted_lines(b"\x80\x04\r\n"));
    }
}
