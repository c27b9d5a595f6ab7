// SPDX-License-Identifier: LGPL-2.1-or-later
//! The bodies of the fuzz targets on stable Rust, for a few seconds: regressions, seeds, and seeds mutated by a seeded
//! generator. A failure prints the round, so it comes again.
#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "it is a crate of its own")]
mod bodies;

use bodies::Target;
use nix::time::{ClockId, clock_gettime};
use pcmk_remote_rs::wire::xml::{check_element, read, read_leniently, read_strictly};
use std::path::Path;
use std::time::Duration;

/// Marsaglia's xorshift: enough to stir bytes, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() % limit.max(1)
    }
}

/// Pieces that matter to one of the readers.
const WORDS: [&[u8]; 16] = [
    b"<",
    b">",
    b"\"",
    b"&",
    b"/>",
    b"</a>",
    b"\xC3\xBC",
    b"\xFF\xFF",
    b"]]>",
    b"<![CDATA[",
    b"&#10;",
    b"\0",
    b" a=\"",
    b"\xBD\xDB\xDA\xBA",
    b"-1",
    b"<!--",
];

fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..random.below(6) {
        let at = random.below(input.len() + 1);
        match random.below(6) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.next() as u8,
            2 => input.truncate(at),
            3 => drop(input.drain(at..(at + random.below(20)).min(input.len()))),
            4 => {
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(60)).min(other.len())];
                input.splice(at..at, piece.iter().copied());
            }
            _ => drop(input.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied())),
        }
    }
}

/// Inputs that failed once.
fn regressions(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions").join(target);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn run(target: &Target, input: &[u8], which: &str) {
    let outcome = std::panic::catch_unwind(|| target.run(input));
    assert!(outcome.is_ok(), "{which}: {:?}", String::from_utf8_lossy(input));
}

fn smoke(target: &str, rounds: u32) {
    let target = bodies::target(target);
    regressions(target.name).iter().for_each(|input| run(target, input, "a regression"));
    let seeds = target.seeds();
    seeds.iter().for_each(|seed| run(target, seed, "a seed"));
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..rounds {
        let mut input = seeds[random.below(seeds.len())].clone();
        mutate(&mut input, &seeds[random.below(seeds.len())], &mut random);
        run(target, &input, &format!("round {round}"));
    }
}

/// Steps of a session are made of the bytes as they come: texts give few.
fn noise(target: &str, rounds: u32) {
    let target = bodies::target(target);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..rounds {
        let input: Vec<u8> = (0..random.below(600)).map(|_| random.next() as u8).collect();
        run(target, &input, &format!("noise {round}"));
    }
}

macro_rules! smoke_tests {
    ($($target:ident: $rounds:literal),* $(,)?) => {
        $(#[test]
        fn $target() {
            smoke(stringify!($target), $rounds);
        })*

        #[test]
        fn each_target_is_here_and_has_a_program() {
            let here = [$(stringify!($target)),*, "xml_readers_agree", "server_session", "client_session"];
            let package = std::fs::read_to_string("fuzz/Cargo.toml").unwrap();
            for target in &bodies::TARGETS {
                assert!(here.contains(&target.name), "{}", target.name);
                assert!(package.contains(&format!("\"fuzz_targets/{}.rs\"", target.name)), "{}", target.name);
            }
            assert_eq!(package.matches("[[bin]]").count(), bodies::TARGETS.len());
            for entry in std::fs::read_dir("fuzz/regressions").unwrap().map(Result::unwrap) {
                let name = entry.file_name();
                let is_known = here.iter().any(|target| name == **target);
                assert!(is_known || entry.path().is_file(), "regressions of no target: {name:?}");
            }
        }
    };
}

smoke_tests! {
    frame_decoder: 3000,
    xml_reader: 3000,
    message_codec: 3000,
    ipc_header: 500,
    ipc_sequence: 1000,
    dbus_message: 5000,
    fencer_session: 2000,
    lsb_header: 3000,
    tls_priorities: 500,
    key_file: 50,
    environment_file: 1000,
}

#[test]
fn server_session() {
    smoke("server_session", 300);
    noise("server_session", 1500);
}

#[test]
fn client_session() {
    smoke("client_session", 300);
    noise("client_session", 1500);
}

/// Pieces of content that are well-formed alone, and in most orders.
const CONTENT: [&str; 16] = [
    " ",
    "\n\t",
    "x",
    "&lt;",
    "&#32;",
    "&#x41;",
    "]",
    ">",
    "<b/>",
    "<b> </b >",
    "<b c='1' d = \"&gt; >\"\n/>",
    "<!-- y -->",
    "<![CDATA[ ]]>",
    "<![CDATA[<&]]>",
    "<b>",
    "</b>",
];

#[test]
fn xml_readers_agree() {
    smoke("xml_readers_agree", 3000);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut well_formed = 0;
    for _ in 0..5000 {
        let pieces: String = (0..random.below(8)).map(|_| CONTENT[random.below(CONTENT.len())]).collect();
        let text = format!("<a>{pieces}</a>");
        well_formed += usize::from(read_strictly(&text).is_ok());
        run(bodies::target("xml_readers_agree"), text.as_bytes(), "content");
    }
    assert!(well_formed > 1000, "{well_formed}");
}

/// Texts of about `length` bytes on which a reader might look at the same bytes again and again.
fn hostile(length: usize) -> Vec<String> {
    let run = |before: &str, piece: &str, after: &str| {
        format!("{before}{}{after}", piece.repeat(length / piece.len()))
    };
    let mut texts = Vec::new();
    for piece in
        ["<", "&", "]", ">", " ", " <", "<!--", "<!---->", "</", "<b>", "<b/>", "<![CDATA[", "<![CDATA[]]>"]
    {
        texts.push(run("<a>", piece, ""));
        texts.push(run("<a>", piece, "</a>"));
    }
    for piece in
        ["<", "b ", "b=1 ", "b  ", "=", "b=\"\" ", "b='é' ", "b='é", "b=\"é' c='é", "b=\"é\"", "/", " "]
    {
        texts.push(run("<a ", piece, "/>"));
    }
    for piece in ["<", "&", "\" ", "\" c", "\"/", "\">", "&#0000000", "é"] {
        texts.push(run("<a b=\"é", piece, "\"/>"));
        texts.push(run("<a b=\"", piece, "\"/>"));
    }
    texts.extend(["<", "<!", "<?", " ", "a"].map(|piece| run("", piece, "<a/>")));
    texts.push(format!("<a {}/>", (0..length / 10).map(|n| format!("a{n}=\"\" ")).collect::<String>()));
    texts
}

/// CPU time of this thread: other load on the machine does not count.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// The shortest of some tries.
fn reading_time(text: &str) -> Duration {
    let once = || {
        let began = cpu_time();
        let _ = (read(text), read_leniently(text), check_element(text));
        cpu_time() - began
    };
    (0..4).map(|_| once()).min().unwrap()
}

#[test]
fn reading_takes_time_in_proportion_to_the_length() {
    const LENGTH: usize = 8 * 1024;
    for (short, long) in hostile(LENGTH).iter().zip(hostile(4 * LENGTH)) {
        let (before, after) = (reading_time(short), reading_time(&long));
        // In the square of the length it would be 16 times as much.
        assert!(
            after < before * 9 + Duration::from_micros(200),
            "{:?}...: {before:?}, and {after:?} for four times as much",
            short.chars().take(30).collect::<String>()
        );
    }
}
