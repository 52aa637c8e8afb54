//! The models that are known, with the checksums that they must have, and the one that is chosen. Nothing is fetched
//! unless a person says so.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use mirror_store::Meta;
use sha2::{Digest, Sha256};

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::speech::Fetch;
use crate::view::{self, Code};

/// The engine of this build.
pub const ENGINE: Option<&str> = if cfg!(feature = "whisper") { Some("whisper.cpp") } else { None };
pub(super) const NO_ENGINE: &str = "this build has no speech engine: build one with `cargo install --path crates/cli --features whisper` (it needs cmake and libclang)";
pub(super) const NO_MODEL: &str =
    "no speech model is chosen: see `mirror speech models`, then `mirror speech fetch NAME`";

/// Where the models lie, at the commit whose checksums stand here.
const PLACE: &str =
    "https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1";

/// A model that is known.
pub struct Known {
    /// Its name, as in `ggml-NAME.bin`.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its file.
    pub hash: &'static str,
}

/// Whisper, converted for whisper.cpp.
pub const KNOWN: &[Known] = &[
    Known {
        name: "tiny.en",
        bytes: 77_704_715,
        hash: "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f",
    },
    Known {
        name: "tiny",
        bytes: 77_691_713,
        hash: "be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21",
    },
    Known {
        name: "base.en",
        bytes: 147_964_211,
        hash: "a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002",
    },
    Known {
        name: "base",
        bytes: 147_951_465,
        hash: "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe",
    },
    Known {
        name: "small.en",
        bytes: 487_614_201,
        hash: "c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d",
    },
    Known {
        name: "small",
        bytes: 487_601_967,
        hash: "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b",
    },
    Known {
        name: "large-v3-turbo-q5_0",
        bytes: 574_041_195,
        hash: "394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2",
    },
    Known {
        name: "large-v3-turbo",
        bytes: 1_624_555_275,
        hash: "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69",
    },
];

impl Known {
    /// Where it is fetched from.
    pub fn url(&self) -> String {
        format!("{PLACE}/ggml-{}.bin", self.name)
    }
}

impl Node {
    /// The models that can be fetched.
    pub fn speech_models(&self) -> Result<Vec<view::SpeechOffer>> {
        let chosen = self.speech_model()?;
        let offer = |known: &Known| view::SpeechOffer {
            name: known.name.to_owned(),
            languages: if is_english(known.name) { "English" } else { "many languages" }.to_owned(),
            size: crate::convert::count(known.bytes),
            hash: known.hash.to_owned(),
            url: known.url(),
            here: self.model_path(known.name).exists(),
            chosen: chosen.as_ref().is_some_and(|chosen| chosen.hash == known.hash),
        };
        Ok(KNOWN.iter().map(offer).collect())
    }

    /// Where a fetched model lies.
    pub(super) fn model_path(&self, name: &str) -> PathBuf {
        self.inner.home.join("models").join(format!("ggml-{name}.bin"))
    }

    /// Chooses a model's file; it stays where it is. Its hash is taken now, and stands in every transcript.
    pub fn use_speech_model(&self, path: &Path) -> Result<view::SpeechModel> {
        let path = std::path::absolute(path)?;
        let hash = hash_of(&path)?;
        let known =
            KNOWN.iter().find(|known| known.hash == hash).map(|known| known.name.to_owned());
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = known.or(stem).unwrap_or_default();
        let name = name.strip_prefix("ggml-").unwrap_or(&name).chars().filter(|c| !c.is_control());
        let name: String = name.take(64).collect();
        let path = path.to_str().ok_or_else(|| {
            Error::invalid("the path is no Unicode text", "move the model to another folder")
        })?;
        let model = view::SpeechModel { name, hash, path: path.to_owned() };
        check(&model)?;
        let bytes = serde_json::to_vec(&model).map_err(Error::integrity)?;
        self.write(|tx| Ok(tx.set_meta(Meta::SpeechModel, &bytes)?))?;
        Ok(model)
    }

    /// Fetches a model and chooses it. What came stays when it is cut off, and the next time goes on there; what has
    /// another checksum is thrown away. `progress` is told the bytes that are here, and of how many.
    pub fn fetch_speech_model(
        &self,
        name: &str,
        fetch: &Fetch,
        cancel: &CancelToken,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<view::SpeechModel> {
        let sane = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.len() > 64 || !name.chars().all(sane) || name.starts_with('.') {
            let hint = "see `mirror speech models`";
            return Err(Error::invalid(format!("{name:?} is no model's name"), hint));
        }
        let known = KNOWN.iter().find(|known| known.name == name);
        let hash = fetch.hash.clone().or_else(|| known.map(|known| known.hash.to_owned()));
        let hash = hash.map(|hash| hash.to_lowercase()).ok_or_else(|| {
            Error::invalid(
                format!("{name:?} is no model that is known"),
                "see `mirror speech models`; for another one give its SHA-256 with --sha256 and its place with --from",
            )
        })?;
        let from = fetch.from.clone().or_else(|| known.map(Known::url)).ok_or_else(|| {
            Error::invalid("it is not known where this model lies", "say so with --from URL")
        })?;
        let to = self.model_path(name);
        if !to.exists() || hash_of(&to)? != hash {
            self.fetch_to(&to, &from, &hash, cancel, progress)?;
        }
        self.use_speech_model(&to)
    }

    #[cfg(feature = "whisper")]
    fn fetch_to(
        &self,
        to: &Path,
        from: &str,
        hash: &str,
        cancel: &CancelToken,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<()> {
        super::fetch::fetch(to, from, hash, cancel, progress)
    }

    #[cfg(not(feature = "whisper"))]
    fn fetch_to(
        &self,
        _: &Path,
        _: &str,
        _: &str,
        _: &CancelToken,
        _: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<()> {
        Err(no_engine())
    }

    /// Hears recordings with the chosen model, one after another, and tells of each as it is done. What fails stops no
    /// other.
    pub fn transcribe(
        &self,
        recordings: &[super::Recording],
        cancel: &CancelToken,
        told: &mut dyn FnMut(&super::Recording, &Result<view::Captured>),
    ) -> Result<()> {
        let model = self.speech_model()?.ok_or_else(|| {
            if ENGINE.is_none() {
                no_engine()
            } else {
                Error::new(Code::NotFound, "no speech model is chosen", NO_MODEL)
            }
        })?;
        let mut engine = engine(&model)?;
        for recording in recordings {
            if cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            let done = self.transcribe_with(engine.as_mut(), &model, recording, cancel);
            told(recording, &done);
        }
        Ok(())
    }
}

/// Whether a model knows English alone.
pub(super) fn is_english(name: &str) -> bool {
    name.ends_with(".en") || name.contains(".en-")
}

/// The chosen model, ready to hear.
#[cfg(feature = "whisper")]
pub(super) fn engine(model: &view::SpeechModel) -> Result<Box<dyn super::Transcriber>> {
    Ok(Box::new(super::whisper::Whisper::load(model)?))
}

#[cfg(not(feature = "whisper"))]
pub(super) fn engine(_: &view::SpeechModel) -> Result<Box<dyn super::Transcriber>> {
    Err(no_engine())
}

/// That a file is a model, as far as the engine can tell.
fn check(model: &view::SpeechModel) -> Result<()> {
    if ENGINE.is_some() { engine(model).map(drop) } else { Err(no_engine()) }
}

fn no_engine() -> Error {
    Error::new(Code::Refused, "this build can't turn speech into text", NO_ENGINE)
}

/// SHA-256 of a file, in hex.
pub(super) fn hash_of(path: &Path) -> Result<String> {
    let read = |path: &Path| -> std::io::Result<String> {
        let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(data_encoding::HEXLOWER.encode(&hasher.finalize())),
                read => hasher.update(buffer.get(..read).unwrap_or_default()),
            }
        }
    };
    read(path).map_err(|error| {
        let detail = format!("{}: {error}", path.display());
        Error::new(Code::NotFound, detail, "name the file of a model for whisper.cpp")
    })
}
