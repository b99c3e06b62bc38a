//! The guard against every spelling of an address that somebody has got past one.

use super::*;

fn guard(allowed: &[&str]) -> Guard {
    Guard::new(allowed.iter().map(|text| text.parse().unwrap()).collect())
}

/// Judges an address as a whole; names resolve to what is given with them.
fn judge(guard: &Guard, url: &str, resolved: Option<&str>) -> Result<(), String> {
    let url = Url::parse(url).map_err(|_| "URL_INVALID".to_owned())?;
    let target = guard.target(&url).map_err(|refusal| format!("{refusal:?}"))?;
    let address = target.literal.unwrap_or_else(|| {
        resolved.unwrap_or_else(|| panic!("{url} needs a resolver: {target:?}")).parse().unwrap()
    });
    guard.admit(&target, address).map_err(|refusal| format!("{refusal:?}"))
}

/// Spellings of places that are not ours to visit, with the refusal that each must meet.
const SPELLINGS: [(&str, Option<&str>, &str); 75] = [
    // This host, in every notation of the four bytes.
    ("http://127.0.0.1/", None, "Address"),
    ("http://127.1/", None, "Address"),
    ("http://127.0.1/", None, "Address"),
    ("http://2130706433/", None, "Address"),
    ("http://0x7f000001/", None, "Address"),
    ("http://0x7f.0.0.1/", None, "Address"),
    ("http://0x7f.1/", None, "Address"),
    ("http://017700000001/", None, "Address"),
    ("http://0177.0.0.1/", None, "Address"),
    ("http://127.0.0.1./", None, "Address"),
    ("http://127.255.255.254/", None, "Address"),
    ("http://%31%32%37.0.0.1/", None, "Address"),
    ("http://１２７.０.０.１/", None, "Address"),
    ("http://127。0。0。1/", None, "Address"),
    ("http:\\\\127.0.0.1\\", None, "Address"),
    ("http:127.0.0.1", None, "Address"),
    ("http:///127.0.0.1/", None, "Address"),
    ("http://\t127.0.0.1/", None, "Address"),
    ("http://0/", None, "Address"),
    ("http://0.0.0.0/", None, "Address"),
    ("http://[::1]/", None, "Address"),
    ("http://[::]/", None, "Address"),
    ("http://[0:0:0:0:0:0:0:1]/", None, "Address"),
    ("http://[::ffff:127.0.0.1]/", None, "Address"),
    ("http://[::ffff:7f00:1]/", None, "Address"),
    ("http://[::127.0.0.1]/", None, "Address"),
    ("http://[64:ff9b::7f00:1]/", None, "Address"),
    ("http://[64:ff9b:1::7f00:1]/", None, "Address"),
    ("http://[2002:7f00:1::]/", None, "Address"),
    ("http://[2001:0:4136:e378::]/", None, "Address"),
    // Names, by what they resolve to.
    ("http://localhost/", Some("127.0.0.1"), "Address"),
    ("http://LOCALHOST./", Some("::1"), "Address"),
    ("http://anything.localhost/", Some("127.0.0.1"), "Address"),
    ("http://127.0.0.1.nip.io/", Some("127.0.0.1"), "Address"),
    ("http://spoofed.example/", Some("10.1.2.3"), "Address"),
    ("http://intranet/", Some("192.168.1.10"), "Address"),
    ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", Some("127.0.0.1"), "Address"),
    // Private, shared, link-local, reserved.
    ("http://10.0.0.1/", None, "Address"),
    ("http://172.16.0.1/", None, "Address"),
    ("http://172.31.255.255/", None, "Address"),
    ("http://192.168.0.1/", None, "Address"),
    ("http://3232235521/", None, "Address"),
    ("http://100.64.0.1/", None, "Address"),
    ("http://169.254.1.1/", None, "Address"),
    ("http://192.0.2.1/", None, "Address"),
    ("http://198.18.0.1/", None, "Address"),
    ("http://224.0.0.1/", None, "Address"),
    ("http://240.0.0.1/", None, "Address"),
    ("http://255.255.255.255/", None, "Address"),
    ("http://[fc00::1]/", None, "Address"),
    ("http://[fd12:3456::1]/", None, "Address"),
    ("http://[fe80::1]/", None, "Address"),
    ("http://[fec0::1]/", None, "Address"),
    ("http://[ff02::1]/", None, "Address"),
    ("http://[2001:db8::1]/", None, "Address"),
    // Metadata services.
    ("http://169.254.169.254/latest/meta-data/", None, "metadata"),
    ("http://2852039166/", None, "metadata"),
    ("http://0xa9fea9fe/", None, "metadata"),
    ("http://[::ffff:169.254.169.254]/", None, "metadata"),
    ("http://[64:ff9b::a9fe:a9fe]/", None, "metadata"),
    ("http://[2002:a9fe:a9fe::]/", None, "metadata"),
    ("http://100.100.100.200/", None, "metadata"),
    ("http://168.63.129.16/", None, "metadata"),
    ("http://[fd00:ec2::254]/", None, "metadata"),
    ("http://169.254.42.42/", None, "metadata"),
    ("http://[fd00:c1::a9fe:a9fe]/", None, "metadata"),
    ("http://[fe80::a9fe:a9fe]/", None, "metadata"),
    ("http://metadata.google.internal/", Some("169.254.169.254"), "metadata"),
    // Other ways out.
    ("file:///etc/passwd", None, "Scheme"),
    ("gopher://8.8.8.8/_GET", None, "Scheme"),
    ("ftp://8.8.8.8/lesson.flv", None, "Scheme"),
    ("http://user:secret@8.8.8.8/", None, "Credentials"),
    ("http://8.8.8.8@127.0.0.1/", None, "Credentials"),
    ("http://8.8.8.8:6379/", None, "Port"),
    ("http://[fe80::1%25eth0]/", None, "URL_INVALID"),
];

#[test]
fn every_spelling_of_a_forbidden_place_is_refused_by_name() {
    let guard = guard(&[]);
    for (url, resolved, expected) in SPELLINGS {
        let refusal = judge(&guard, url, resolved).expect_err(url);
        assert!(refusal.contains(expected), "{url}: {refusal}");
    }
}

#[test]
fn public_addresses_at_the_usual_ports_are_admitted() {
    let guard = guard(&[]);
    for (url, resolved) in [
        ("http://93.184.215.14/lesson.flv", None),
        ("https://93.184.215.14/lesson.flv", None),
        ("http://origin.example:443/", Some("93.184.215.14")),
        ("https://[2606:4700::6810:84e5]/", None),
        ("http://172.32.0.1/", None),
        ("http://100.128.0.1/", None),
        ("http://168.63.129.17/", None),
    ] {
        assert_eq!(judge(&guard, url, resolved), Ok(()), "{url}");
    }
}

#[test]
fn what_is_allowed_is_admitted_at_any_port_and_nothing_beside_it() {
    let guard = guard(&["10.0.0.0/8", "origin.lan", "fd12::/16", "192.168.7.7", "0.0.0.0/0"][..4]);
    for (url, resolved, admitted) in [
        ("http://10.20.30.40:8080/", None, true),
        ("http://[::ffff:10.20.30.40]:8080/", None, true),
        ("http://origin.lan:9000/", Some("172.20.0.5"), true),
        ("http://ORIGIN.lan.:9000/", Some("172.20.0.5"), true),
        ("http://media.example:8080/", Some("10.0.0.9"), true),
        ("http://[fd12::1]:8080/", None, true),
        ("http://192.168.7.7:81/", None, true),
        ("http://192.168.7.8/", None, false),
        ("http://media.example:8080/", Some("93.184.215.14"), false),
        ("http://media.example/", Some("172.20.0.5"), false),
        ("http://not.origin.lan/", Some("172.20.0.5"), false),
        ("http://origin.lan/", Some("169.254.169.254"), false),
    ] {
        assert_eq!(judge(&guard, url, resolved).is_ok(), admitted, "{url} at {resolved:?}");
    }
}

#[test]
fn no_network_however_wide_admits_a_metadata_service() {
    let guard = guard(&["0.0.0.0/0", "::/0", "metadata.google.internal"]);
    for (url, resolved, expected) in SPELLINGS.iter().filter(|(.., expected)| *expected == "metadata") {
        let refusal = judge(&guard, url, *resolved).expect_err(url);
        assert!(refusal.contains(expected), "{url}: {refusal}");
    }
    assert_eq!(judge(&guard, "http://127.0.0.1:8080/", None), Ok(()));
}

#[test]
fn an_allowed_thing_is_a_host_an_address_or_a_network() {
    for (text, allowed) in [
        ("10.1.2.3/8", Allowed::Network("10.0.0.0/8".parse().unwrap())),
        ("10.1.2.3", Allowed::Network("10.1.2.3/32".parse().unwrap())),
        ("::1", Allowed::Network("::1/128".parse().unwrap())),
        ("[::1]", Allowed::Network("::1/128".parse().unwrap())),
        ("Origin.LAN.", Allowed::Host("origin.lan".to_owned())),
    ] {
        assert_eq!(text.parse(), Ok(allowed), "{text}");
    }
    for text in ["", "10.0.0.0/33", "origin.lan:8080", "http://origin.lan", "*.lan", "a b", "10.0.0.0/"] {
        assert!(text.parse::<Allowed>().is_err(), "{text}");
    }
}
