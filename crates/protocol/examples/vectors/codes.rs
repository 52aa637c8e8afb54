//! The reason codes of negative vectors, for readers in other languages.

use mirror_protocol::bundle::BundleError;
use mirror_protocol::chain::ChainOpenError;
use mirror_protocol::event::{EventError, HeaderError};
use mirror_protocol::intake::IntakeError;
use mirror_protocol::message::MessageError;
use mirror_protocol::run::RunError;

pub type Code = &'static str;

pub fn of_header(error: &HeaderError) -> Code {
    match error {
        HeaderError::TooLong { .. } => "too-long",
        HeaderError::Malformed { .. } => "malformed",
        HeaderError::NotDeterministic => "not-deterministic",
        HeaderError::Version { .. } => "version",
        HeaderError::TooManyDeps { .. } => "too-many-deps",
        HeaderError::BadDeps => "bad-deps",
        HeaderError::BadKind { .. } => "bad-kind",
        HeaderError::BadPosition { .. } => "bad-position",
        HeaderError::BodyTooLong { .. } => "body-too-long",
        HeaderError::BadOffset { .. } => "bad-offset",
    }
}

pub fn of_event(error: &EventError) -> Code {
    match error {
        EventError::Header(error) => of_header(error),
        EventError::Body { .. } => "body",
    }
}

pub fn of_open(error: &ChainOpenError) -> Code {
    match error {
        ChainOpenError::NotFirst { .. } => "not-first",
        ChainOpenError::NoBody => "no-body",
        ChainOpenError::Malformed => "malformed",
        ChainOpenError::Authority(_) => "authority",
    }
}

pub fn of_run(error: &RunError) -> Code {
    match error {
        RunError::Length { .. } => "length",
        RunError::Span { .. } => "span",
        RunError::TooLong { .. } => "too-long",
        RunError::Event { error, .. } => of_event(error),
        RunError::Link { .. } => "link",
        RunError::Head { .. } => "head",
        RunError::Signature { .. } => "signature",
        RunError::Open(error) => of_open(error),
        RunError::Reopened { .. } => "reopened",
        RunError::UnknownChain { .. } => "unknown-chain",
        RunError::OtherMesh { .. } => "other-mesh",
    }
}

pub fn of_intake(error: &IntakeError) -> Code {
    match error {
        IntakeError::Lamport { .. } => "lamport",
        IntakeError::Full => "full",
    }
}

pub fn of_message(error: &MessageError) -> Code {
    match error {
        MessageError::TooLong { .. } => "too-long",
        MessageError::Unknown { .. } => "unknown-type",
        MessageError::TooMany { .. } => "too-many",
        MessageError::Malformed { .. } => "malformed",
        MessageError::NotDeterministic => "not-deterministic",
    }
}

pub fn of_bundle(error: &BundleError) -> Code {
    match error {
        BundleError::NotABundle => "not-a-bundle",
        BundleError::Truncated { .. } => "truncated",
        BundleError::TooLong { .. } => "too-long",
        BundleError::Record { error, .. } => of_message(error),
        BundleError::Misplaced { .. } => "misplaced",
        BundleError::Unknown { .. } => "unknown-type",
        BundleError::Count { .. } => "count",
        BundleError::WrongTips => "wrong-tips",
        BundleError::Changed { .. } => "changed",
        BundleError::Io { error, .. } => panic!("{error}"),
    }
}
