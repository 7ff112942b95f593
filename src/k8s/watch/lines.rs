//! `Lines`: the lines of a stream that arrives in chunks.

/// The lines of a stream that arrives in chunks.
#[derive(Default)]
pub(super) struct Lines {
    /// The buffered bytes.
    bytes: Vec<u8>,
    /// The number of bytes that were returned.
    taken: usize,
    /// The number of bytes that contain no line end.
    searched: usize,
}

impl Lines {
    /// The buffer capacity that is kept for the next chunks.
    const KEPT: usize = 64 * 1024;

    pub fn push(&mut self, piece: &[u8]) {
        // Returned bytes are removed before more arrive, so that each byte is moved once.
        self.bytes.drain(..self.taken);
        self.searched -= self.taken;
        self.taken = 0;
        self.bytes.shrink_to(Self::KEPT);
        self.bytes.extend_from_slice(piece);
    }

    /// The next complete line, without its line end.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        let place = self.bytes.get(self.searched..)?.iter().position(|byte| *byte == b'\n');
        let Some(place) = place.map(|place| self.searched + place) else {
            self.searched = self.bytes.len();
            return None;
        };
        let start = std::mem::replace(&mut self.taken, place + 1);
        self.searched = self.taken;
        self.bytes.get(start..place)
    }

    /// The length of the incomplete line.
    pub fn rest(&self) -> usize {
        self.bytes.len() - self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_depend_on_chunk_boundaries() {
        let text = b"a\n\nlonger line\r\nunfinished";
        for size in 1..=text.len() {
            let (mut lines, mut seen) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.push(piece);
                while let Some(line) = lines.next_line() {
                    seen.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(seen, ["a", "", "longer line\r"], "{size}");
            assert_eq!(lines.rest(), "unfinished".len(), "{size}");
        }
    }
}
