//! The platform that this build runs on, behind the refusals of `fault` where they are compiled in.

#[cfg(not(feature = "fault-injection"))]
pub(crate) type Os = crate::sys::Platform;
#[cfg(feature = "fault-injection")]
pub(crate) type Os = crate::fault::Refusing<crate::sys::Platform>;
