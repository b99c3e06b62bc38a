//! What was asked for, before the source is known. Values only; [`super::plan`] turns them into decisions.

use crate::media::{Container, Encoder, RateControlMode, RenditionName};

/// Everything a person or a job may ask of one transcode.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The ladder as asked; empty means one rendition at the source's own size.
    pub renditions: Vec<RenditionRequest>,
    /// The container asked for by option or by the output's extension; `None` means the source's, if we write it,
    /// else MP4.
    pub container: Option<Container>,
    /// Which encoder makes what must be encoded.
    pub encoder: Encoder,
    /// Why that encoder cannot be had on this machine ([`super::unavailable`] finds out), where it cannot.
    pub unavailable: Option<String>,
    /// Settings that were asked for and that only the encoder that cannot be had has: they are not used, and what they were
    /// asked for is encoded all the same.
    pub unused_settings: Vec<&'static str>,
    /// The encoder's preset; `None` means its default.
    pub preset: Option<String>,
    /// How bits are spent; all `None` means the encoder's default CRF, and that copying is welcome.
    pub rate_control: RateControlRequest,
    /// Distance of the keyframe grid, in seconds; above 0.
    pub keyint_seconds: f64,
    /// What becomes of the sound.
    pub audio: AudioRequest,
    /// Raw encoder options in the order given.
    pub encoder_options: Vec<(String, String)>,
    /// Never copy or remux.
    pub force_encode: bool,
    /// Encode every rendition in one piece.
    pub no_chunks: bool,
    /// A source that ends early is a repair, not an error.
    pub accept_truncated: bool,
    /// Whether the machine's processor has AVX-512 ([`crate::transcode::x264::has_avx512`]): a plan depends on values
    /// alone, and this one decides which code x264 may use.
    pub has_avx512: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            renditions: Vec::new(),
            container: None,
            encoder: Encoder::X264,
            unavailable: None,
            unused_settings: Vec::new(),
            preset: None,
            rate_control: RateControlRequest::default(),
            keyint_seconds: 4.0,
            audio: AudioRequest::Copy,
            encoder_options: Vec::new(),
            force_encode: false,
            no_chunks: false,
            accept_truncated: false,
            has_avx512: false,
        }
    }
}

/// One rung as asked, with what it overrides.
#[derive(Clone, Debug, PartialEq)]
pub struct RenditionRequest {
    /// The rung.
    pub name: RenditionName,
    /// Its own constant rate factor.
    pub crf: Option<f64>,
    /// Its own bitrate, in bits per second.
    pub bits_per_second: Option<u64>,
    /// Its own preset.
    pub preset: Option<String>,
}

impl RenditionRequest {
    /// Returns a rung that overrides nothing.
    pub const fn plain(name: RenditionName) -> Self {
        Self { name, crf: None, bits_per_second: None, preset: None }
    }
}

/// The rate-control options as given; [`super::plan`] checks that they fit together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RateControlRequest {
    /// `--rate-control`.
    pub mode: Option<RateControlMode>,
    /// `--crf`.
    pub crf: Option<f64>,
    /// `--cq`.
    pub cq: Option<u32>,
    /// `--bitrate`, bits per second.
    pub bits_per_second: Option<u64>,
    /// `--maxrate`, bits per second.
    pub max_bits_per_second: Option<u64>,
    /// `--bufsize`, bits.
    pub buffer_bits: Option<u64>,
}

/// What becomes of the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioRequest {
    /// Copied; encoded to AAC, and said so, when the container cannot hold it.
    Copy,
    /// Encoded to AAC at this rate in bits per second; `None` means by channel count.
    Aac(Option<u64>),
    /// Left out.
    None,
}
