//! Reads the SHA-256 that an origin sends of the whole recording: `Repr-Digest: sha-256=:<base64>:=` (RFC 9530). Other
//! algorithms in the same field are passed over.

use base64::prelude::{BASE64_STANDARD as STANDARD, Engine};

/// Returns the SHA-256 in hex, if the field holds one that can be read.
pub(super) fn sha256(field: &str) -> Option<String> {
    let value = field.split(',').find_map(|member| {
        let (name, value) = member.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("sha-256").then_some(value.trim())
    })?;
    let bytes = STANDARD.decode(value.strip_prefix(':')?.strip_suffix(':')?).ok()?;
    (bytes.len() == 32).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_the_whole_is_read_and_others_are_passed_over() {
        // RFC 9530's own example.
        let field = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:, \
                     sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(
            sha256(field).as_deref(),
            Some("44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38")
        );
        for field in ["", "sha-256=", "sha-256=::", "sha-256=:AAAA:", "sha-256=:!!!!:", "md5=:AAAA:"] {
            assert_eq!(sha256(field), None, "{field}");
        }
    }
}
