//! Finds FFmpeg's libraries and compiles the C shim in `vendor/`.
//!
//! What is missing is named together, with the Debian packages that bring it and the line that installs them. Linking
//! FFmpeg and generating the bindings is not done here: `ffmpeg-sys-next` does both.
#![expect(clippy::print_stderr, reason = "what is missing is said to the user, not to cargo")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A library of FFmpeg and the version that FFmpeg 5.1 has of it: the oldest that we build against.
struct Library {
    name: &'static str,
    version_min: &'static str,
}

const LIBRARIES: [Library; 6] = [
    Library { name: "libavutil", version_min: "57.28" },
    Library { name: "libavcodec", version_min: "59.37" },
    Library { name: "libavformat", version_min: "59.27" },
    Library { name: "libavfilter", version_min: "8.44" },
    Library { name: "libswscale", version_min: "6.7" },
    Library { name: "libswresample", version_min: "4.7" },
];

const SHIM: &str = "vendor/libav-shim/shim.c";
const SHIM_HEADER: &str = "vendor/libav-shim/shim.h";

/// Something that the build needs and this machine has not.
struct Missing {
    /// What is wrong, one line.
    what: String,
    /// The Debian package that brings it.
    package: String,
}

fn main() -> ExitCode {
    for path in ["build.rs", SHIM, SHIM_HEADER] {
        println!("cargo::rerun-if-changed={path}");
    }
    match find_everything() {
        Ok(include_paths) => {
            compile_shim(&include_paths);
            ExitCode::SUCCESS
        }
        Err(missing) => {
            eprintln!("{}", describe(&missing));
            ExitCode::FAILURE
        }
    }
}

/// Returns where the headers are, or all that is missing.
fn find_everything() -> Result<Vec<PathBuf>, Vec<Missing>> {
    let mut missing: Vec<Missing> = find_libclang().err().into_iter().collect();
    let mut include_paths = Vec::new();
    if let Err(pkg_config) = find_pkg_config() {
        missing.push(pkg_config);
        // Without it nothing is known about the libraries; whoever lacks it is likely to lack them too.
        missing.extend(LIBRARIES.iter().map(|library| library.missing("cannot be looked for without pkg-config")));
        return Err(missing);
    }
    for library in &LIBRARIES {
        match library.find() {
            Ok(paths) => include_paths.extend(paths),
            Err(absent) => missing.push(absent),
        }
    }
    if missing.is_empty() { Ok(include_paths) } else { Err(missing) }
}

impl Library {
    fn find(&self) -> Result<Vec<PathBuf>, Missing> {
        let mut query = pkg_config::Config::new();
        // `ffmpeg-sys-next` prints what the linker needs.
        query.cargo_metadata(false);
        match query.atleast_version(self.version_min).probe(self.name) {
            Ok(library) => Ok(library.include_paths),
            Err(_) => Err(match pkg_config::Config::new().cargo_metadata(false).probe(self.name) {
                Ok(old) => self.missing(&format!("{} is too old", old.version)),
                Err(_) => self.missing("not found by pkg-config"),
            }),
        }
    }

    fn missing(&self, reason: &str) -> Missing {
        Missing {
            what: format!("{} {} or newer: {reason}", self.name, self.version_min),
            package: format!("{}-dev", self.name),
        }
    }
}

fn find_pkg_config() -> Result<(), Missing> {
    println!("cargo::rerun-if-env-changed=PKG_CONFIG");
    let program = std::env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    match Command::new(&program).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => {
            Err(Missing { what: format!("{}: cannot be run", program.display()), package: "pkg-config".to_owned() })
        }
    }
}

/// Looks where `ffmpeg-sys-next`'s generator of bindings looks, roughly: a doubtful find passes, since the generator
/// has the last word.
fn find_libclang() -> Result<(), Missing> {
    println!("cargo::rerun-if-env-changed=LIBCLANG_PATH");
    let named_by_user = std::env::var_os("LIBCLANG_PATH").is_some();
    if named_by_user || libclang_in_usual_folders() || libclang_known_to_linker() {
        return Ok(());
    }
    Err(Missing { what: "libclang: no libclang*.so found".to_owned(), package: "libclang-dev".to_owned() })
}

fn libclang_in_usual_folders() -> bool {
    let roots = ["/usr/lib", "/usr/local"].into_iter().flat_map(children);
    let llvm = roots.filter(|path| file_name(path).starts_with("llvm")).map(|path| path.join("lib"));
    let folders = llvm.chain(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    folders.flat_map(children).any(|path| is_libclang(&file_name(&path)))
}

fn libclang_known_to_linker() -> bool {
    ["ldconfig", "/sbin/ldconfig"].into_iter().any(|program| {
        let cache = Command::new(program).arg("-p").output();
        cache.is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout).lines().any(|line| is_libclang(line.trim_start()))
        })
    })
}

/// `libclang-cpp.so` is another library, which the generator cannot use.
fn is_libclang(name: &str) -> bool {
    name.starts_with("libclang.so")
        || (name.starts_with("libclang-") && !name.starts_with("libclang-cpp") && name.contains(".so"))
}

/// Returns what is in a folder; nothing, if it cannot be read.
fn children(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn describe(missing: &[Missing]) -> String {
    let list: String = missing.iter().map(|one| format!("  - {}\n", one.what)).collect();
    let packages: Vec<&str> = missing.iter().map(|one| one.package.as_str()).collect();
    format!(
        "\nreelmill cannot be built yet; missing on this machine:\n{list}\n\
         On Debian or Ubuntu, `make install-build-packages` installs what is needed, or by hand:\n  \
         sudo apt-get install -y --no-install-recommends {}\n\
         FFmpeg 5.1 (Debian 12) is the oldest that will do; PKG_CONFIG_PATH may point to one of your own.\n",
        packages.join(" ")
    )
}

fn compile_shim(include_paths: &[PathBuf]) {
    cc::Build::new()
        .file(SHIM)
        .includes(include_paths)
        .std("c11")
        .warnings(true)
        .extra_warnings(true)
        .compile("reelmill_libav_shim");
}
