//! The one table of settings: each with its type, name, form, default, example, readers, and in its comment what it does.
//!
//! The document, the sample file, the checks and `Config` itself are made of this table, so it is written for the
//! person who sets the keys. A key with a unit in its value carries none in its name.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::form::{
    AbsolutePaths, Addresses, AllowLists, Choices, Counts, Decimals, Made, Names, OptionalNames, OptionalPaths,
    Presets, ProviderLists, Rates, SecretFiles, Sizes, Switches, Templates, Times, Urls, Windows,
};
use super::key::{Key, Reader};
use super::reading::Settings;
use super::value::{Allowed, Isolation, Provider, Rate, SecretFile, Size, Window};
use crate::media::Encoder;

/// Nobody waits longer on a socket.
const PATIENCE_MAX: Duration = Duration::from_hours(1);
/// The longest that anything is kept waiting or held.
const PATIENCE_OF_CLASSES: Duration = Duration::from_hours(24 * 365);
/// Zero and everything up to it.
const INSTANT: Duration = Duration::ZERO;
/// Shorter waits for an answer would refuse what is merely far away.
const TICK: Duration = Duration::from_millis(1);
/// The shortest time over which a rate can be called one.
const SECOND: Duration = Duration::from_secs(1);
/// More files than any disk of a node holds lessons.
const FILES_MAX: u32 = 100_000_000;
/// More cores than any machine has.
const THREADS_MAX: u32 = 1024;
const HTTP: Urls = Urls { schemes: &["http", "https"] };

/// Declares the structs of `Config`, the list of keys and how the one is filled from the other.
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $effect:literal])+
                $field:ident: $Type:ty = $name:literal, $form:expr, $default:literal, $example:literal, $reader:ident;
            )+
        }
    )+) => {
        /// Every setting, understood and checked; it does not change while the program runs.
        #[derive(Clone, Debug)]
        pub struct Config {
            $( $(#[doc = $about])+ pub $section: $Section, )+
        }

        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug)]
            pub struct $Section {
                $( $(#[doc = $effect])+ pub $field: $Type, )+
            }
        )+

        /// Every key there is, those of a table together.
        pub(super) static KEYS: &[Key] = &[$($(
            Key {
                name: $name,
                effect: concat!($($effect),+),
                default: $default,
                example: $example,
                reader: Reader::$reader,
                form: &$form,
            },
        )+)+];

        /// What each table is about, in the order of [`KEYS`], by the name of its first key.
        pub(super) static ABOUT: &[(&str, &str)] =
            &[$( (sections!(@first $($name),+), concat!($($about),+)) ),+];

        impl Config {
            /// Understands the settings, which have been checked.
            pub(super) fn of(settings: &Settings) -> Self {
                Self { $( $section: $Section { $( $field: settings.value($name, &$form), )+ }, )+ }
            }
        }
    };
    (@first $first:literal $(, $rest:literal)*) => { $first };
}

sections! {
    /// The node itself.
    node: NodeSettings {
        /// The folder of the node's own state: the database, presets, what is known of this machine, and the socket
        /// by which other commands talk to the running worker.
        data_folder: PathBuf = "data_folder", AbsolutePaths, r#""/var/lib/reelmill""#, r#""/srv/reelmill""#, Db;
        /// The name of this node among the others of its fleet: every node reads the control stream with a group of
        /// this name, so no two nodes may share one. Empty: the machine's host name.
        node_id: Option<String> = "node_id", OptionalNames, r#""""#, r#""node-1""#, Worker;
    }
    /// The HTTP interface.
    api: ApiSettings {
        /// Where the node listens. Any address but a loopback one needs `api.token_file` or `api.keys_file`.
        listen: SocketAddr = "api.listen", Addresses, r#""127.0.0.1:8700""#, r#""0.0.0.0:8700""#, Worker;
        /// The token that requests must carry, also those from this machine. Empty: these need none.
        token: SecretFile = "api.token_file", SecretFiles, r#""""#, r#""/etc/reelmill/api.token""#, Worker;
        /// The keys that sign requests from and to other systems, one a line. All of them are accepted, the first one
        /// signs, so that a key can be replaced without a pause.
        keys: SecretFile = "api.keys_file", SecretFiles, r#""""#, r#""/etc/reelmill/api.keys""#, Worker;
    }
    /// Redis, from which bookings come and to which events go.
    redis: RedisSettings {
        /// The server. Empty: bookings are taken by HTTP and by the command line only.
        url: Option<Url> = "redis.url", Urls { schemes: &["redis", "rediss"] }, r#""""#, r#""redis://127.0.0.1:6379/0""#, Worker;
        /// The password of the server, which does not stand in its URL.
        password: SecretFile = "redis.password_file", SecretFiles, r#""""#, r#""/etc/reelmill/redis.password""#, Worker;
        /// The stream from which bookings are taken; any node of a fleet may take one.
        bookings_stream: String = "redis.bookings_stream", Names, r#""reelmill:bookings""#, r#""school:bookings""#, Worker;
        /// The stream of ends, cancellations and results, which every node reads.
        control_stream: String = "redis.control_stream", Names, r#""reelmill:control""#, r#""school:control""#, Worker;
        /// The stream to which messages go that cannot be understood, with the reason.
        dead_stream: String = "redis.dead_stream", Names, r#""reelmill:dead""#, r#""school:dead""#, Worker;
        /// The stream to which events are written.
        events_stream: String = "redis.events_stream", Names, r#""reelmill:events""#, r#""school:events""#, Worker;
        /// The channel on which older systems publish bookings.
        bookings_channel: String = "redis.bookings_channel", Names, r#""class:booking""#, r#""school:booking""#, Worker;
        /// The channel on which older systems publish the results of transcoding.
        results_channel: String = "redis.results_channel", Names, r#""class:transcoding""#, r#""school:transcoding""#, Worker;
        /// The channel on which older systems hear of events.
        events_channel: String = "redis.events_channel", Names, r#""class:event""#, r#""school:event""#, Worker;
    }
    /// The disk cache.
    cache: CacheSettings {
        /// The folder of the recordings. It must not be shared with another node.
        root: PathBuf = "cache.root", AbsolutePaths, r#""/var/cache/reelmill""#, r#""/srv/videos""#, Cache;
        /// How much the recordings may take together, work under way included. What was used least recently and is
        /// not needed makes room; if nothing can, a booking fails with 316.
        bytes_max: Size = "cache.bytes_max", Sizes { min: 1 << 20 }, r#""100GiB""#, r#""1TiB""#, Cache;
        /// How many files there may be.
        count_max: u32 = "cache.count_max", Counts { min: 1, max: FILES_MAX }, "1000", "5000", Cache;
        /// How much of the disk stays free for others.
        free_bytes_min: Size = "cache.free_bytes_min", Sizes { min: 0 }, r#""2GiB""#, r#""10GiB""#, Cache;
    }
    /// Downloads: how fast, from where, and with how much patience.
    download: DownloadSettings {
        /// The rate of all downloads of this node together (wget's limit holds for one process: three of them are three
        /// times as fast). `fetch` keeps to it only where it is set, and its `--limit-rate` goes before it.
        rate: Option<Rate> = "download.rate", Rates, r#""1000k""#, r#""1000k""#, Fetch;
        /// The rate of each single download, within that of all.
        job_rate: Option<Rate> = "download.job_rate", Rates, r#""0""#, r#""300k""#, Fetch;
        /// Parts of the day, by the machine's own clock, in which another rate holds for all downloads together. `to`
        /// is not part of the window, and may be on the next day. Windows do not overlap.
        windows: Vec<Window> = "download.windows", Windows, "[]", r#"[{ from = "22:00", to = "06:00", rate = "0" }]"#, Fetch;
        /// Origins that may be asked although they are no public addresses, or listen on other ports than 80 and 443.
        /// The addresses of cloud metadata services are never asked.
        allow: Vec<Allowed> = "download.allow", AllowLists, "[]", r#"["127.0.0.0/8", "origin.internal"]"#, Fetch;
        /// Certificates (PEM) that are trusted besides those of the system.
        ca_file: Option<PathBuf> = "download.ca_file", OptionalPaths, r#""""#, r#""/etc/reelmill/origins.pem""#, Fetch;
        /// How often a download is tried again after a failure that may pass.
        retries: u32 = "download.retries", Counts { min: 0, max: 100 }, "5", "10", Fetch;
        /// The wait before the first new try; it doubles from try to try.
        retry_wait: Duration = "download.retry_wait", Times { min: INSTANT, max: PATIENCE_MAX }, r#""1s""#, r#""500ms""#, Fetch;
        /// The longest wait before a new try, also where the origin asks for a longer one.
        retry_wait_max: Duration = "download.retry_wait_max", Times { min: INSTANT, max: PATIENCE_MAX }, r#""60s""#, r#""5m""#, Fetch;
        /// How long to wait for a connection, with TLS.
        connect_timeout: Duration = "download.connect_timeout", Times { min: TICK, max: PATIENCE_MAX }, r#""5s""#, r#""10s""#, Fetch;
        /// How long to wait for the head of an answer.
        header_timeout: Duration = "download.header_timeout", Times { min: TICK, max: PATIENCE_MAX }, r#""15s""#, r#""30s""#, Fetch;
        /// Less than this for `download.stall_time` is a stall: the connection is given up, and a new one tried. 0: a
        /// slow origin is waited for without end.
        stall_rate: Option<Rate> = "download.stall_rate", Rates, r#""1k""#, r#""4k""#, Fetch;
        /// How long a download may be slower than `download.stall_rate`.
        stall_time: Duration = "download.stall_time", Times { min: SECOND, max: PATIENCE_MAX }, r#""30s""#, r#""1m""#, Fetch;
        /// How many redirects are followed; each is checked like the first address.
        redirects_max: u32 = "download.redirects_max", Counts { min: 0, max: 20 }, "5", "0", Fetch;
    }
    /// Transcoding.
    transcode: TranscodeSettings {
        /// Who transcodes, in this order: the next one is asked when one fails.
        providers: Vec<Provider> = "transcode.providers", ProviderLists, r#"["local"]"#, r#"["oss", "ecs"]"#, Worker;
        /// How many encode threads this node has. 0: as many as cores.
        jobs: u32 = "transcode.jobs", Counts { min: 0, max: THREADS_MAX }, "0", "4", Worker;
        /// Where media is opened: in a process of its own, within limits of memory and time, or in the daemon itself, which a
        /// broken recording can then take down.
        isolation: Isolation = "transcode.isolation",
            Choices { words: &[("process", Isolation::Process), ("none", Isolation::None)] }, r#""process""#, r#""none""#, Worker;
        /// How much memory each process that opens media may take. One that wants more costs its job a try.
        memory_max: Size = "transcode.memory_max", Sizes { min: 256 << 20 }, r#""4GiB""#, r#""2GiB""#, Worker;
        /// How long such a process may neither read nor write nor make a picture before it is ended. Waiting for a disk
        /// does not count.
        stall_time: Duration = "transcode.stall_time", Times { min: SECOND, max: PATIENCE_MAX }, r#""30s""#, r#""2m""#, Worker;
        /// The longest recording that is taken: a longer one is refused, and its classes are told. A damaged clock can make
        /// weeks of minutes.
        duration_max: Duration = "transcode.duration_max", Times { min: SECOND, max: PATIENCE_OF_CLASSES }, r#""24h""#, r#""8h""#, Worker;
        /// How many pixels the pictures of a recording that must be encoded may have in all, in thousands of millions: six
        /// hours of 4K at 60 pictures a second have 10,749. Small files can hold much work.
        gigapixels_max: u32 = "transcode.gigapixels_max", Counts { min: 1, max: u32::MAX }, "12000", "2000", Worker;
        /// The encoder's preset: how much work it puts into a frame.
        preset: String = "transcode.preset", Presets { encoder: Encoder::X264 }, r#""veryfast""#, r#""medium""#, Worker;
        /// The constant quality of what is encoded; lower is better and larger.
        crf: f64 = "transcode.crf", Decimals { min: 0.0, max: 51.0 }, "24", "21.5", Worker;
        /// Whether a recording that ends early is taken as far as it goes, and not refused.
        accept_truncated: bool = "transcode.accept_truncated", Switches, "false", "true", Worker;
    }
    /// How long things wait for each other.
    booking: BookingSettings {
        /// The longest that a class waits for its recording; its own end, where known, is the other limit.
        timeout: Duration = "booking.timeout", Times { min: SECOND, max: PATIENCE_OF_CLASSES }, r#""24h""#, r#""12h""#, Import;
        /// How long a remote provider may take for one attempt. Attempts of this node are measured by their progress.
        transcoding_timeout: Duration = "booking.transcoding_timeout", Times { min: SECOND, max: PATIENCE_OF_CLASSES }, r#""2h""#, r#""45m""#, Import;
        /// How long after a transcode has timed out it may be asked for again.
        retry_after_timeout: Duration = "booking.retry_after_timeout", Times { min: INSTANT, max: PATIENCE_OF_CLASSES }, r#""30m""#, r#""2h""#, Worker;
        /// How long after its end a class keeps its recording in the cache.
        lease_grace: Duration = "booking.lease_grace", Times { min: INSTANT, max: PATIENCE_OF_CLASSES }, r#""10m""#, r#""1h""#, Worker;
    }
    /// The transcoding service for other nodes.
    service: ServiceSettings {
        /// Where the recording lies when a request names none. Empty: such requests are refused.
        source_url: String = "service.source_url",
            Templates { made: Made::Url, places: &["record_id", "institution_id"], needs: &["record_id"], may_be_empty: true },
            r#""""#, r#""http://origin/{record_id}.flv""#, Worker;
        /// Under which name a finished rendition is put into the object store; `RES` is `480P` and the like.
        object_key: String = "service.object_key",
            Templates { made: Made::Key, places: &["record", "institution", "RES"], needs: &["record", "RES"], may_be_empty: false },
            r#""record/{record}_{institution}/video_{record}_{institution}_{RES}.flv""#, r#""{institution}/{record}/{RES}.flv""#, Worker;
    }
    /// The provider `ecs`: another node that transcodes.
    ecs: EcsSettings {
        /// Its address. Needed where `transcode.providers` names `ecs`.
        url: Option<Url> = "ecs.url", HTTP, r#""""#, r#""http://10.0.0.7:8700""#, Worker;
        /// The key that signs our requests to it; it stands in the other node's `api.keys_file`.
        key: SecretFile = "ecs.key_file", SecretFiles, r#""""#, r#""/etc/reelmill/ecs.key""#, Worker;
    }
    /// The provider `oss`: a cloud transcoder.
    oss: OssSettings {
        /// Where requests are sent. Needed where `transcode.providers` names `oss`.
        url: Option<Url> = "oss.url", HTTP, r#""""#, r#""https://cloud.example/transcode""#, Worker;
        /// How the `sign` of a request is made, where the cloud wants one: the MD5 of this text. Empty: none is sent.
        sign: String = "oss.sign",
            Templates { made: Made::Text, places: &["record_id", "video_resolution", "secret"], needs: &[], may_be_empty: true },
            r#""""#, r#""{record_id}{video_resolution}{secret}""#, Worker;
        /// The secret of `oss.sign`.
        secret: SecretFile = "oss.secret_file", SecretFiles, r#""""#, r#""/etc/reelmill/oss.secret""#, Worker;
    }
    /// The store for media outside of the cache.
    objects: ObjectSettings {
        /// A folder or a bucket. Empty: the folder `objects` under `data_folder`.
        url: Option<Url> = "objects.url", Urls { schemes: &["file", "s3"] }, r#""""#, r#""s3://bucket/lessons?endpoint=http://minio:9000""#, Worker;
        /// What goes before an object's name to make the URL that others fetch it by. Empty: URLs are signed and expire.
        public_url: Option<Url> = "objects.public_url", HTTP, r#""""#, r#""https://media.example/lessons/""#, Worker;
        /// The name of the bucket's access key.
        access_key_id: Option<String> = "objects.access_key_id", OptionalNames, r#""""#, r#""reelmill""#, Worker;
        /// The secret part of the bucket's access key.
        secret_access_key: SecretFile = "objects.secret_access_key_file", SecretFiles, r#""""#, r#""/etc/reelmill/objects.secret""#, Worker;
    }
    /// Telling another system of every event.
    webhook: WebhookSettings {
        /// Where events are posted. Empty: nowhere. Needs `webhook.secret_file`.
        url: Option<Url> = "webhook.url", HTTP, r#""""#, r#""https://school.example/reelmill""#, Worker;
        /// The secret that signs what is posted, after Standard Webhooks: `whsec_` and base64, or plain text, of 24 bytes
        /// or more. Of several, one a line, each signs, so that one can be replaced without a pause.
        secret: SecretFile = "webhook.secret_file", SecretFiles, r#""""#, r#""/etc/reelmill/webhook.secret""#, Worker;
        /// The secrets of institutions: a line each of the institution, a space and its secret. They sign what is posted
        /// to the `callback_url` of a class, and, beside `webhook.secret_file`, what is posted to `webhook.url`. The
        /// callbacks of an institution without one are signed by `webhook.secret_file`.
        institution_secrets: SecretFile = "webhook.institution_secrets_file", SecretFiles, r#""""#, r#""/etc/reelmill/institutions.secret""#, Worker;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::written::Written;

    #[test]
    fn every_default_and_every_example_keeps_its_own_rule() {
        for key in KEYS {
            for text in [key.default, key.example] {
                let written = Written::parse(text).unwrap_or_else(|| panic!("{}: {text} is no TOML", key.name));
                assert!(key.form.respell(&written).is_ok(), "{}: {text} breaks its own rule", key.name);
            }
        }
    }

    #[test]
    fn names_are_unique_also_as_variables_and_say_what_they_do() {
        let names: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        let variables: BTreeSet<_> = KEYS.iter().map(Key::variable).collect();
        assert_eq!((names.len(), variables.len()), (KEYS.len(), KEYS.len()));
        for key in KEYS {
            assert!(key.effect.trim().ends_with('.') && key.effect.len() > 20, "{}", key.name);
            assert_eq!(key.name.ends_with("_file"), key.secret_name().is_some() || key.name == "download.ca_file");
        }
    }
}
