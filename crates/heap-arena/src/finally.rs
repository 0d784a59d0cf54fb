//! [`Finally`]: what is to be done in the end, whether or not a client's destructor unwinds before.

/// Calls a function when it is dropped.
pub(crate) struct Finally<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Finally<F> {
    #[inline]
    fn drop(&mut self) {
        (self.0)();
    }
}
