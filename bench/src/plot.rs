//! Plots of ratios as SVG, readable on a light and on a dark page: a bar for each median, a line from the smallest to the largest, and a
//! mark where the row's own bar to reach is.

use std::fmt::Write as _;

use crate::record::{Figure, RATIO, Record};
use crate::stats::Spread;

/// The height of a ratio and of a row's name.
const LINE: f64 = 20.0;

/// Where the bars begin, and how wide 1.0 is.
const LEFT: f64 = 330.0;
const ONE: f64 = 200.0;

/// Ratios beyond it are cut, and their number says what they are.
const END: f64 = 2.0;

const TOP: f64 = 44.0;

/// Colours that have enough contrast on either ground.
const STYLE: &str = "\
<style>
.text { fill: #1f2328 } .dim { fill: #59636e } .met { fill: #3d7ab8 } .missed { fill: #c4703a } .free { fill: #8c959f }
.spread { stroke: #1f2328; stroke-width: 1.5 } .axis { stroke: #d1d9e0 } .bar { stroke: #b3261e; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
.text { fill: #e6edf3 } .dim { fill: #9198a1 } .met { fill: #5a9bd8 } .missed { fill: #d98a52 } .free { fill: #6e7681 }
.spread { stroke: #e6edf3 } .axis { stroke: #3d444d } .bar { stroke: #ff7b72 }
}
</style>
";

/// The plot of a record's ratios; `None` where it has none, or the family has no plot.
pub(crate) fn svg(title: &str, record: &Record) -> Option<String> {
    let rows: Vec<(&str, Vec<&Figure>)> = record
        .rows
        .iter()
        .map(|row| {
            (
                row.name.as_str(),
                row.figures.iter().filter(|figure| is_drawn(figure)).collect(),
            )
        })
        .filter(|(_, figures): &(_, Vec<_>)| !figures.is_empty())
        .collect();
    if title.is_empty() || rows.is_empty() {
        return None;
    }
    let lines: u32 = rows
        .iter()
        .map(|(_, figures)| u32::try_from(figures.len()).unwrap_or(0) + 1)
        .sum();
    let bottom = TOP + LINE * f64::from(lines);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n{STYLE}",
        LEFT + END * ONE + 130.0,
        bottom + 10.0
    );
    // Into a String, which takes everything.
    let _ = writeln!(
        text,
        "<text class=\"text\" x=\"10\" y=\"16\">{}</text>",
        escaped(title)
    );
    for quarter in 0..=8_u8 {
        let value = f64::from(quarter) / 4.0;
        let x = at(value);
        let _ = writeln!(
            text,
            "<line class=\"axis\" x1=\"{x:.0}\" x2=\"{x:.0}\" y1=\"{TOP:.0}\" y2=\"{bottom:.0}\"/>\n\
             <text class=\"dim\" text-anchor=\"middle\" x=\"{x:.0}\" y=\"{:.0}\">{value}</text>",
            TOP - 6.0
        );
    }
    let mut y = TOP;
    for (name, figures) in rows {
        let _ = writeln!(
            text,
            "<text class=\"text\" x=\"10\" y=\"{:.0}\">{}</text>",
            y + 15.0,
            escaped(name)
        );
        y += LINE;
        for figure in figures {
            bar(&mut text, y, figure);
            y += LINE;
        }
    }
    text.push_str("</svg>\n");
    Some(text)
}

fn is_drawn(figure: &Figure) -> bool {
    figure.unit == RATIO && !figure.samples.is_empty()
}

fn at(value: f64) -> f64 {
    LEFT + value.clamp(0.0, END) * ONE
}

fn bar(text: &mut String, y: f64, figure: &Figure) {
    let Spread { median, min, max } = figure.spread();
    let class = match figure.bar {
        None => "free",
        Some(bar) if bar.is_met(median) => "met",
        Some(_) => "missed",
    };
    let middle = y + 9.0;
    let _ = writeln!(
        text,
        "<text class=\"dim\" x=\"26\" y=\"{:.0}\">{}</text>\n\
         <rect class=\"{class}\" x=\"{LEFT:.0}\" y=\"{:.0}\" width=\"{:.1}\" height=\"12\"/>\n\
         <line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.0}\" y2=\"{middle:.0}\"/>\n\
         <text class=\"text\" x=\"{:.1}\" y=\"{:.0}\">{}</text>",
        y + 13.0,
        escaped(&figure.label),
        y + 3.0,
        at(median) - LEFT,
        at(min),
        at(max),
        at(max.max(median)) + 6.0,
        y + 13.0,
        escaped(&figure.text()),
    );
    if let Some(bar) = figure.bar {
        let x = at(bar.value());
        let _ = writeln!(
            text,
            "<line class=\"bar\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.0}\" y2=\"{:.0}\"/>",
            y + 1.0,
            y + 17.0
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::svg;
    use crate::record::tests::record;
    use crate::record::{Figure, RATIO};

    /// Fails unless every element is closed by its own name, and no text has a character of markup.
    fn is_well_formed(text: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some((before, tag)) = rest.split_once('<') {
            for entity in before.split('&').skip(1) {
                let known = ["amp;", "lt;", "gt;"]
                    .iter()
                    .any(|known| entity.starts_with(known));
                assert!(known, "&{entity}");
            }
            assert!(!before.contains('>'), "{before}");
            let (tag, after) = tag.split_once('>').expect("a tag has an end");
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().expect("a name"));
            }
            rest = after;
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    }

    #[test]
    fn a_plot_is_well_formed_and_has_each_ratio_with_its_spread() {
        let mut record = record("2026-11-30", &[("a < b & c", &[0.5, 1.0, 1.5]), ("far", &[7.0])]);
        record.rows[0].figures.push(Figure::new("time", "us", &[1.0]));
        record.rows[0].figures.push(Figure::new("free", RATIO, &[1.0]));
        let text = svg("native / guest", &record).expect("a plot");
        is_well_formed(&text);
        assert_eq!(text.matches("<rect").count(), 3);
        assert!(text.contains("class=\"met\"") && text.contains("class=\"free\""));
        // From 0.5 to 1.5, and not beyond the end.
        assert!(text.contains("x1=\"430.0\" x2=\"630.0\""), "{text}");
        assert!(text.contains("x1=\"730.0\" x2=\"730.0\""), "{text}");
        assert!(text.contains("7.00"));
    }

    #[test]
    fn what_has_no_ratio_has_no_plot() {
        let mut record = record("2026-11-30", &[("a", &[1.0])]);
        assert!(svg("", &record).is_none());
        record.rows[0].figures[0].unit = "us".to_owned();
        assert!(svg("native / guest", &record).is_none());
    }
}
