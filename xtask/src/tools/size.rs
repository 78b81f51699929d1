//! How much there is to fetch. Each download says it in one line before it starts.

use crate::process::progress;

/// A package of a registry at one version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pinned {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// What of it is fetched for x86-64, in MB: neither pip nor npm says it beforehand. It changes with the version.
    pub(super) megabytes: u32,
}

impl Pinned {
    /// Says that a program fetches it now.
    pub(super) fn announce(self, program: &str) {
        progress(
            self.name,
            &format!(
                "fetching version {} with {program}: {} MB",
                self.version, self.megabytes
            ),
        );
    }
}

/// Bytes in MB, rounded up.
pub(super) fn in_megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// The bytes that apt-get fetches, by what its option `--print-uris` prints: `'URI' FILE BYTES HASH`, one line a file.
pub(super) fn of_uris(printed: &str) -> u64 {
    printed
        .lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{in_megabytes, of_uris};

    #[test]
    fn a_size_is_the_sum_of_all_files_rounded_up() {
        let printed = "'http://deb.debian.org/debian/a_1_amd64.deb' a_1_amd64.deb 1999999 MD5Sum:00\n\
                       'http://deb.debian.org/debian/b%2b_1_amd64.deb' b+_1_amd64.deb 2 SHA256:00\n";
        assert_eq!(of_uris(printed), 2_000_001);
        assert_eq!(in_megabytes(of_uris(printed)), "3 MB");
        assert_eq!(of_uris("0 upgraded, 3 newly installed, 0 to remove\n"), 0);
    }
}
