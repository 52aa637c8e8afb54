//! Speech to text on this device.

use serde::{Deserialize, Serialize};

/// How this device stands to recordings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct Speech {
    /// The engine of this build; without one nothing is transcribed here.
    pub engine: Option<String>,
    /// The model that a person chose.
    pub model: Option<SpeechModel>,
    /// Recordings that are here and have no transcript.
    pub waiting: u32,
    /// Recordings without a transcript whose content is not here.
    pub absent: u32,
    /// Recordings that could not be heard with this model; they are not tried again by themselves.
    pub failed: Vec<SpeechFailure>,
    /// What to do so that recordings are transcribed here.
    pub hint: Option<String>,
}

/// The model that a person chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct SpeechModel {
    pub name: String,
    /// SHA-256 of its file.
    pub hash: String,
    pub path: String,
}

/// A recording that could not be heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct SpeechFailure {
    pub note: String,
    /// SHA-256 of the recording.
    pub audio: String,
    /// SHA-256 of the model that was used.
    pub model_hash: String,
    pub reason: String,
    pub at: String,
}

/// A model that can be fetched.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(specta::Type))]
pub struct SpeechOffer {
    pub name: String,
    /// `English`, or `many languages`.
    pub languages: String,
    pub size: u32,
    pub hash: String,
    pub url: String,
    /// Its file is here.
    pub here: bool,
    pub chosen: bool,
}
