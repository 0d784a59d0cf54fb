//! A running checksum for results (FNV, word by word).

/// Order matters: the same values in another order give another sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum(u64);

impl Sum {
    pub(crate) fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    #[inline]
    pub(crate) fn add(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0100_0000_01B3).rotate_left(23);
    }

    pub(crate) fn get(self) -> u64 {
        self.0
    }
}
