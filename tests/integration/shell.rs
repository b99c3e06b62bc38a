//! What shells, `man` and terminals want of the program.

use tempfile::TempDir;

use crate::support::binary::{Said, end, reelmill, run};
use crate::support::clip::scratch;
use crate::support::oracle;

fn help(folder: &TempDir, line: &str) -> String {
    run(folder, line).succeeded().stdout
}

#[test]
fn the_help_is_what_it_was() {
    let folder = scratch();
    insta::assert_snapshot!("help", help(&folder, "--help"));
    insta::assert_snapshot!("help_transcode", help(&folder, "transcode --help"));
    insta::assert_snapshot!("help_probe", help(&folder, "probe --help"));
}

#[test]
fn every_shell_gets_completions_and_bash_takes_them() {
    let folder = scratch();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&folder, &format!("completions {shell}")).succeeded().stdout;
        assert!(script.contains("accept-truncated") && script.contains("reelmill"), "{shell}: {script}");
        if shell == "bash" {
            let path = folder.path().join("completions.bash");
            std::fs::write(&path, script).unwrap();
            let text = format!(
                "source {}; COMP_WORDS=(reelmill transcode --acc); COMP_CWORD=2; \
                 _reelmill reelmill --acc transcode; echo ${{COMPREPLY[@]}}",
                path.display()
            );
            assert_eq!(oracle::tool("bash", &["-c", &text]), b"--accept-truncated\n");
        }
    }
    assert_eq!(run(&folder, "completions tcsh").exit, 2);
}

#[test]
fn the_manual_page_holds_every_command() {
    let page = run(&scratch(), "man").succeeded().stdout;
    assert!(page.contains(".TH reelmill 1"), "{page}");
    for section in ["REELMILL TRANSCODE", "REELMILL PROBE", "REELMILL DEMO", "REELMILL CONFIG SHOW"] {
        assert!(page.contains(&format!(".SH \"{section}\"")), "{section}");
    }
}

#[test]
fn color_is_for_terminals_unless_somebody_says_so() {
    let folder = scratch();
    let said = |line: &str, variables: &[(&str, &str)]| -> Said {
        end(reelmill(folder.path(), line).envs(variables.iter().copied()))
    };
    let is_colored = |said: Said| said.stderr.contains('\u{1b}');
    assert!(!is_colored(said("probe gone.flv", &[])));
    assert!(is_colored(said("probe gone.flv --color always", &[])));
    assert!(is_colored(said("probe gone.flv --color always", &[("NO_COLOR", "1")])));
    assert!(is_colored(said("probe gone.flv", &[("CLICOLOR_FORCE", "1")])));
    assert!(!is_colored(said("probe gone.flv", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")])));
    assert!(!is_colored(said("probe gone.flv --color never", &[("CLICOLOR_FORCE", "1")])));
    assert!(said("--help --color always", &[]).stdout.contains('\u{1b}'));
    assert!(!said("--help --color never", &[("CLICOLOR_FORCE", "1")]).stdout.contains('\u{1b}'));
}

#[test]
fn versions_are_told_with_and_without_the_libraries() {
    let folder = scratch();
    let own = format!("reelmill {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&folder, "version").succeeded().stdout, own);
    assert_eq!(run(&folder, "--version").succeeded().stdout, own);
    let verbose = run(&folder, "version -v").succeeded().stdout;
    assert!(verbose.contains("libavcodec") && verbose.contains("libx264"), "{verbose}");
}

#[test]
fn a_reader_that_has_gone_is_no_failure_and_a_full_stdout_is_one() {
    let folder = scratch();
    let binary = env!("CARGO_BIN_EXE_reelmill");
    let script = format!("set -o pipefail; {binary} man | head -1");
    oracle::tool("bash", &["-c", &script]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let status = reelmill(folder.path(), "man").stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(5));
}

#[test]
fn a_result_that_cannot_be_printed_is_an_error_of_its_own() {
    let folder = scratch();
    let mut command = reelmill(folder.path(), "version");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap().wait_with_output();
    let said = Said::from(output.unwrap());
    assert_eq!((said.exit, said.code()), (5, "STDOUT_UNWRITABLE"));
}
