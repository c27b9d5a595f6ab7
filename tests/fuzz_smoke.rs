// SPDX-License-Identifier: LGPL-2.1-or-later
//! The bodies of the fuzz targets on stable Rust, for a few seconds: golden messages, mutated by a seeded
//! generator. A failure prints the seed's round, so it comes again.
#[path = "../fuzz/src/lib.rs"]
#[allow(missing_docs, unreachable_pub, reason = "it is a crate of its own")]
mod bodies;

use nix::time::{ClockId, clock_gettime};
use pcmk_remote_rs::model::site::IPC_BUFFER;
use pcmk_remote_rs::wire::frame::encode_header;
use pcmk_remote_rs::wire::ipc::{IpcLayout, encode};
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

fn golden() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "xml"));
    paths.sort();
    let texts: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(texts.len() > 100);
    texts.into_iter().filter(|text| text.len() < 2000).collect()
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

fn smoke(rounds: u32, dress: impl Fn(&[u8], usize) -> Vec<u8>, body: impl Fn(&[u8])) {
    let texts = golden();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for (at, text) in texts.iter().enumerate() {
        body(&dress(text, at));
    }
    for round in 0..rounds {
        let choice = random.below(texts.len());
        let mut input = dress(&texts[choice], choice);
        mutate(&mut input, &texts[random.below(texts.len())], &mut random);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&input)));
        assert!(outcome.is_ok(), "round {round}: {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn frame_decoder() {
    let dress = |text: &[u8], choice: usize| {
        let mut input = vec![choice as u8];
        for _ in 0..1 + choice % 3 {
            input.extend(encode_header(choice as u64, text.len()).unwrap());
            input.extend(text);
            input.push(0);
        }
        input
    };
    smoke(3000, dress, bodies::frame_decoder::fuzz_one);
}

#[test]
fn xml_reader() {
    smoke(3000, |text, _| text.to_vec(), bodies::xml_reader::fuzz_one);
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
    smoke(3000, |text, _| text.to_vec(), bodies::xml_readers_agree::fuzz_one);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut well_formed = 0;
    for _ in 0..5000 {
        let pieces: String = (0..random.below(8)).map(|_| CONTENT[random.below(CONTENT.len())]).collect();
        let text = format!("<a>{pieces}</a>");
        well_formed += usize::from(read_strictly(&text).is_ok());
        let outcome = std::panic::catch_unwind(|| bodies::xml_readers_agree::fuzz_one(text.as_bytes()));
        assert!(outcome.is_ok(), "{text}");
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

#[test]
fn message_codec() {
    smoke(3000, |text, _| text.to_vec(), bodies::message_codec::fuzz_one);
}

#[test]
fn ipc_header() {
    let dress = |text: &[u8], choice: usize| {
        let layout = if choice.is_multiple_of(2) { IpcLayout::Old } else { IpcLayout::New };
        let text = String::from_utf8_lossy(text);
        // A small buffer makes the old layout compress.
        let buffer = if choice.is_multiple_of(4) { 600 } else { IPC_BUFFER };
        encode(layout, 1, 0x200, &text, buffer).map_or(Vec::new(), |mut parts| parts.remove(0))
    };
    smoke(500, dress, bodies::ipc_header::fuzz_one);
}
