//! `Lines`: the lines of a stream that arrives in chunks.

/// The lines of a stream that arrives in chunks.
#[derive(Default)]
pub(super) struct Lines {
    /// The buffered bytes.
    bytes: Vec<u8>,
    /// The number of bytes that were returned.
    returned: usize,
    /// The number of bytes that contain no line end.
    searched: usize,
}

impl Lines {
    /// The buffer capacity that is kept for the next chunks.
    const KEPT_CAPACITY: usize = 64 * 1024;

    pub fn push(&mut self, chunk: &[u8]) {
        // Returned bytes are removed before more arrive, so that each byte is moved once.
        self.bytes.drain(..self.returned);
        self.searched -= self.returned;
        self.returned = 0;
        self.bytes.shrink_to(Self::KEPT_CAPACITY);
        self.bytes.extend_from_slice(chunk);
    }

    /// The next complete line, without its line end.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        let place = self.bytes.get(self.searched..)?.iter().position(|byte| *byte == b'\n');
        let Some(place) = place.map(|place| self.searched + place) else {
            self.searched = self.bytes.len();
            return None;
        };
        let start = std::mem::replace(&mut self.returned, place + 1);
        self.searched = self.returned;
        self.bytes.get(start..place)
    }

    /// The length of the incomplete line.
    pub fn rest(&self) -> usize {
        self.bytes.len() - self.returned
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
            for chunk in text.chunks(size) {
                lines.push(chunk);
                while let Some(line) = lines.next_line() {
                    seen.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(seen, ["a", "", "longer line\r"], "{size}");
            assert_eq!(lines.rest(), "unfinished".len(), "{size}");
        }
    }
}
