//! Later offers and answers of a member of a large meeting, as text: more receiving sections, and the streams in them.
//!
//! str0m reads every section of a description again each time, 150 µs a section. In a meeting of a hundred, that work would
//! dominate the measurement. Each browser has its own process for it, but all members here share one thread.

use str0m::media::MediaKind;

pub struct Sections {
    head: String,
    version: u64,
    mids: Vec<String>,
    /// All sections as they were offered.
    body: String,
    audio: String,
    video: String,
    /// The SSRC of the stream in each section, or 0 while it is unknown.
    ssrcs: Vec<u32>,
    /// The number of sections that str0m made.
    made: usize,
}

/// A stream that was new in the last answer.
pub struct Found {
    pub mid: String,
    pub kind: MediaKind,
    pub ssrc: u32,
    pub repair: Option<u32>,
    /// True if str0m has the stream's section.
    pub known: bool,
}

impl Sections {
    /// Starts from the last offer that str0m made. Returns None if the offer lacks receiving sections of one kind.
    pub fn after(offer: &str) -> Option<Sections> {
        let (head, body) = offer.split_at(offer.find("\r\nm=")? + 2);
        let all: Vec<&str> = split(body).collect();
        let template = |start: &str| {
            let found = all.iter().find(|one| one.starts_with(start) && one.contains("a=recvonly"))?;
            Some(found.replace(&format!("a=mid:{}\r\n", value(found, "a=mid:")?), "a=mid:$\r\n"))
        };
        Some(Sections {
            head: head.into(),
            version: 1 << 32,
            mids: all.iter().filter_map(|one| value(one, "a=mid:")).map(str::to_owned).collect(),
            body: body.into(),
            audio: template("m=audio")?,
            video: template("m=video")?,
            ssrcs: vec![0; all.len()],
            made: all.len(),
        })
    }

    /// Returns the next offer: all present sections, and `audios` and `videos` more receiving sections.
    pub fn offer(&mut self, audios: u32, videos: u32) -> String {
        for (template, count) in [(&self.audio, audios), (&self.video, videos)] {
            for _ in 0..count {
                let mid = format!("more{}", self.mids.len()); // str0m's own mids have three characters, so they differ
                self.body += &template.replace("a=mid:$", &format!("a=mid:{mid}"));
                self.mids.push(mid);
                self.ssrcs.push(0);
            }
        }
        self.version += 1;
        let mut text = String::with_capacity(self.head.len() + self.body.len() + self.mids.len() * 8);
        for line in self.head.lines() {
            let line = match line.split_once(' ') {
                Some(("o=-", rest)) => format!("o=- {}", self.origin(rest)),
                Some(("a=group:BUNDLE", _)) => format!("a=group:BUNDLE {}", self.mids.join(" ")),
                _ => line.into(),
            };
            text += &line;
            text += "\r\n";
        }
        text + &self.body
    }

    /// Returns the streams that are new in the answer to the last offer.
    pub fn answered(&mut self, answer: &str) -> Vec<Found> {
        let Some(at) = answer.find("\r\nm=") else { return Vec::new() };
        let mut found = Vec::new();
        for (place, section) in split(&answer[at + 2..]).enumerate().take(self.mids.len()) {
            if self.ssrcs[place] != 0 {
                continue; // a member's streams stay in their sections during the whole measurement
            }
            let ssrc = value(section, "a=ssrc:").and_then(|rest| rest.split(' ').next()?.parse().ok());
            let Some(ssrc) = ssrc else { continue };
            let repair = value(section, "a=ssrc-group:FID ").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
            let kind = if section.starts_with("m=audio") { MediaKind::Audio } else { MediaKind::Video };
            self.ssrcs[place] = ssrc;
            found.push(Found { mid: self.mids[place].clone(), kind, ssrc, repair, known: place < self.made });
        }
        found
    }

    /// Returns session id, our version and address.
    fn origin(&self, rest: &str) -> String {
        let mut words: Vec<&str> = rest.split(' ').collect();
        let version = self.version.to_string();
        if let Some(word) = words.get_mut(1) {
            *word = &version;
        }
        words.join(" ")
    }
}

/// Splits a body into sections. Each section includes its "m=".
fn split(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find("\r\nm=").map_or(rest.len(), |at| at + 2);
        let (section, after) = rest.split_at(end);
        rest = after;
        Some(section)
    })
}

/// Returns the text after `name` in the first line that begins with `name`.
fn value<'a>(section: &'a str, name: &str) -> Option<&'a str> {
    let at = section.find(&format!("\r\n{name}"))? + 2 + name.len();
    section[at..].split("\r\n").next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 7 2 IN IP4 0.0.0.0\r\ns=-\r\na=group:BUNDLE a b c\r\n\
        m=application 9 X\r\na=mid:c\r\nm=audio 9 X 111\r\na=mid:a\r\na=recvonly\r\n\
        m=video 9 X 96\r\na=mid:b\r\na=recvonly\r\n";

    #[test]
    fn sections_are_added_behind_those_that_are_there() {
        let mut sections = Sections::after(OFFER).unwrap();
        let offer = sections.offer(1, 2);
        let (before, added) = offer.split_at(offer.find("m=audio 9 X 111\r\na=mid:more3").unwrap());
        assert!(before.ends_with(&OFFER[OFFER.find("m=application").unwrap()..]));
        assert!(
            before.contains("o=- 7 4294967297 IN IP4 0.0.0.0\r\n")
                && before.contains("BUNDLE c a b more3 more4 more5\r\n")
        );
        assert_eq!(added.matches("m=video 9 X 96\r\na=mid:more").count(), 2);
    }

    #[test]
    fn a_stream_is_found_once_with_its_repairs() {
        let mut sections = Sections::after(OFFER).unwrap();
        sections.offer(0, 1);
        let answer = "v=0\r\nm=application 9 X\r\na=mid:c\r\nm=audio 9 X 111\r\na=mid:a\r\na=ssrc:5 cname:x\r\na=sendonly\r\n\
            m=video 9 X 96\r\na=mid:b\r\na=inactive\r\n\
            m=video 9 X 96\r\na=mid:more3\r\na=ssrc-group:FID 8 9\r\na=ssrc:8 cname:x\r\na=ssrc:9 cname:x\r\n";
        let found = sections.answered(answer);
        let told: Vec<_> = found.iter().map(|one| (one.mid.as_str(), one.ssrc, one.repair, one.known)).collect();
        assert_eq!(told, [("a", 5, None, true), ("more3", 8, Some(9), false)]);
        assert!(sections.answered(answer).is_empty());
    }
}
