//! `Table`: aligned columns as kubectl prints them: without borders, three blanks between columns, numbers
//! right-aligned.

use crate::text::escape_line;
use unicode_width::UnicodeWidthStr as _;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Align {
    Left,
    Right,
}

/// Rows with a header.
pub(in crate::cli) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A cell may contain a name from a file, and a row is one line.
        self.rows.push(cells.into_iter().map(|cell| escape_line(&cell)).collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, one line each, below the header if it is shown.
    pub fn render(&self, header: Header) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        let header = (header == Header::Shown).then_some(&names);
        let rows: Vec<&Vec<String>> = header.into_iter().chain(&self.rows).collect();
        let width =
            |place: usize| rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |row: &&Vec<String>| {
            let cells = row.iter().zip(&self.columns).zip(&widths).map(|((cell, (_, align)), width)| match align {
                Align::Left => format!("{cell}{}", blanks(cell, *width)),
                Align::Right => format!("{}{cell}", blanks(cell, *width)),
            });
            let line = cells.collect::<Vec<_>>().join("   ");
            format!("{}\n", line.trim_end())
        };
        rows.iter().map(line).collect()
    }
}

/// Blanks that pad a cell to a width in terminal columns.
fn blanks(cell: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(cell.width()))
}

/// Whether the header is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Header {
    Shown,
    Hidden,
}

impl Header {
    /// Hides the header if `no_headers` is set.
    pub fn unless(is_hidden: bool) -> Self {
        if is_hidden { Self::Hidden } else { Self::Shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new([("NAME", Align::Left), ("FREE", Align::Right), ("NOTE", Align::Left)]);
        table.row(["kubernetes", "7", ""].map(str::to_owned));
        table.row(["a", "1,000", "x"].map(str::to_owned));
        assert_eq!(
            table.render(Header::Shown),
            "NAME          FREE   NOTE\nkubernetes       7\na            1,000   x\n"
        );
        assert_eq!(table.render(Header::Hidden), "kubernetes       7\na            1,000   x\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut table = Table::new([("NAME", Align::Left), ("FREE", Align::Right)]);
        table.row(["網路", "7"].map(str::to_owned));
        table.row(["abcde", "10"].map(str::to_owned));
        assert_eq!(table.render(Header::Shown), "NAME    FREE\n網路       7\nabcde     10\n");
    }
}
