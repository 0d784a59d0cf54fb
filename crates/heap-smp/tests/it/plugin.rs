//! A shared library that has heap-smp as its own allocator, loaded, used by a thread that ends, and closed.

use std::ffi::{CStr, CString, c_int, c_void};
use std::process::Command;
use std::time::Duration;

/// The library that the example `plugin` is built as. Cargo builds examples with all tests of a package, but not with
/// one binary of them.
fn path() -> CString {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().and_then(|deps| deps.parent()).unwrap();
    let built = profile.join("examples/libplugin.so");
    if !built.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "heap-smp", "--example", "plugin"]);
        cargo.args(profile.ends_with("release").then_some("--release"));
        cargo.arg("--target-dir").arg(profile.parent().unwrap());
        assert!(cargo.status().unwrap().success());
    }
    CString::new(built.into_os_string().into_encoded_bytes()).unwrap()
}

fn open(path: &CStr, flags: c_int) -> *mut c_void {
    // SAFETY: the path is a text; the library's start does nothing but Rust's own.
    unsafe { libc::dlopen(path.as_ptr(), flags) }
}

/// Calls the library's `plugin_work`.
fn work(library: *mut c_void) -> usize {
    // SAFETY: the library is open, and its function is of this type.
    unsafe {
        let function = libc::dlsym(library, c"plugin_work".as_ptr());
        assert!(!function.is_null());
        std::mem::transmute::<*mut c_void, extern "C" fn() -> usize>(function)()
    }
}

#[test]
fn a_closed_library_stays_while_its_helper_thread_runs() {
    let path = path();
    for _ in 0..3 {
        let addr = open(&path, libc::RTLD_NOW).expose_provenance();
        assert_ne!(addr, 0, "{path:?} is there: it is an example of this crate");
        let user = std::thread::spawn(move || work(std::ptr::with_exposed_provenance_mut(addr)));
        assert_eq!(user.join().unwrap(), (64 * 200) << 10);
        std::thread::sleep(Duration::from_millis(50));
        // SAFETY: opened above, and not used after this.
        unsafe { libc::dlclose(std::ptr::with_exposed_provenance_mut(addr)) };
        // The helper looks at the free memory several times meanwhile, in the library's code.
        std::thread::sleep(Duration::from_millis(250));
        assert!(!open(&path, libc::RTLD_NOW | libc::RTLD_NOLOAD).is_null(), "its code is still mapped");
    }
}
