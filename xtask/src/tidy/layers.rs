//! The floors: a crate depends only on crates of a lower floor, never sideways, and brings no foreign crate that
//! its floor plan does not name. Dev-dependencies are free.

use cargo_metadata::{DependencyKind, Package};

use crate::tidy::source::Breach;

/// A crate's place in the house.
struct Place {
    name: &'static str,
    floor: u8,
    /// Foreign crates that it may bring to its users, optional ones included.
    foreign: &'static [&'static str],
}

const fn place(name: &'static str, floor: u8, foreign: &'static [&'static str]) -> Place {
    Place { name, floor, foreign }
}

/// Tools may depend on everything, and nothing depends on them.
const ROOF: u8 = 3;

/// The published crates. A new crate, or a new foreign crate below, is a decision: add it here, with the reason
/// in `docs/architecture.md`.
const HOUSE: [Place; 9] = [
    place("heap-core", 0, &["thiserror", "allocator-api2"]),
    place("heap-os", 1, &["thiserror", "rustix", "windows-sys", "memmap2", "libc"]),
    place("heap-arena", 1, &[]),
    place("heap-pool", 1, &[]),
    place("heap-compose", 1, &["lock_api", "parking_lot", "crossbeam-utils"]),
    place("heap-test", 1, &[]),
    place("heap-smp", 2, &["crossbeam-utils"]),
    place("heap-debug", 2, &["backtrace", "gimli", "inferno", "libc"]),
    place("heap-malloc", ROOF, &["libc"]),
];

/// Steps that are not down and allowed: a pool's slots come from an arena's chunks.
const SIDEWAYS: [(&str, &str); 1] = [("heap-pool", "heap-arena")];

/// Present under `cfg(loom)` only: the model checker, which no user builds.
const MODEL_CHECKERS: [&str; 2] = ["loom", "shuttle"];

/// One `[dependencies]` or `[build-dependencies]` entry.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether it is a crate of this workspace.
    pub(crate) own: bool,
}

/// A crate's manifest, as far as the floors care.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    /// Path of the `Cargo.toml` from the root of the workspace.
    pub(crate) path: String,
    pub(crate) published: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Manifest {
    /// What Cargo says of `package`, whose manifest is at `path`.
    pub(crate) fn of(package: &Package, path: String) -> Self {
        let counts = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
        let dependencies = package.dependencies.iter().filter(|dependency| counts(dependency.kind));
        let dependencies =
            dependencies.map(|dep| Dependency { name: dep.name.clone(), own: dep.path.is_some() }).collect();
        Self { name: package.name.to_string(), published: path.starts_with("crates/"), path, dependencies }
    }
}

/// Breaches of the floor plan.
pub(crate) fn check(manifests: &[Manifest]) -> Vec<Breach> {
    manifests.iter().flat_map(check_one).collect()
}

fn check_one(manifest: &Manifest) -> Vec<Breach> {
    let breach = |text: String| Breach { path: manifest.path.clone(), line: 0, text };
    let Some(place) = find(&manifest.name) else {
        let text = format!("`{}` has no floor in xtask/src/tidy/layers.rs", manifest.name);
        return if manifest.published { vec![breach(text)] } else { Vec::new() };
    };
    let wrong = manifest.dependencies.iter().filter_map(|dependency| wrong(place, dependency));
    wrong.map(breach).collect()
}

fn find(name: &str) -> Option<&'static Place> {
    HOUSE.iter().find(|place| place.name == name)
}

/// What is wrong with one dependency, if anything.
fn wrong(user: &Place, used: &Dependency) -> Option<String> {
    let (name, used_name) = (user.name, used.name.as_str());
    if !used.own {
        let known = user.foreign.contains(&used_name) || MODEL_CHECKERS.contains(&used_name);
        return (!known).then(|| format!("`{name}` may not bring `{used_name}` to its users"));
    }
    let floor = find(used_name).map_or(ROOF, |place| place.floor);
    let allowed = floor < user.floor || SIDEWAYS.contains(&(name, used_name));
    (!allowed)
        .then(|| format!("`{name}` (floor {}) may not depend on `{used_name}` (floor {floor})", user.floor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(name: &str, own: &[&str], foreign: &[&str]) -> Vec<String> {
        let own = own.iter().map(|name| Dependency { name: (*name).into(), own: true });
        let foreign = foreign.iter().map(|name| Dependency { name: (*name).into(), own: false });
        let manifest = Manifest {
            name: name.into(),
            path: format!("crates/{name}/Cargo.toml"),
            published: true,
            dependencies: own.chain(foreign).collect(),
        };
        check(&[manifest]).into_iter().map(|breach| breach.text).collect()
    }

    #[test]
    fn the_way_down_is_open() {
        assert_eq!(breaches("heap-smp", &["heap-core", "heap-os"], &["crossbeam-utils", "loom"]), [""; 0]);
        assert_eq!(breaches("heap-malloc", &["heap-smp"], &[]), [""; 0]);
    }

    #[test]
    fn a_dependency_on_a_higher_floor_or_the_same_one_is_a_breach() {
        let up = "`heap-os` (floor 1) may not depend on `heap-smp` (floor 2)";
        assert_eq!(breaches("heap-os", &["heap-smp"], &[]), [up]);
        let sideways = "`heap-arena` (floor 1) may not depend on `heap-os` (floor 1)";
        assert_eq!(breaches("heap-arena", &["heap-os"], &[]), [sideways]);
        let roof = "`heap-malloc` (floor 3) may not depend on `heap-bench` (floor 3)";
        assert_eq!(breaches("heap-malloc", &["heap-bench"], &[]), [roof]);
    }

    #[test]
    fn the_pool_alone_may_step_sideways_to_the_arena() {
        assert_eq!(breaches("heap-pool", &["heap-arena", "heap-core"], &[]), [""; 0]);
        assert_eq!(breaches("heap-compose", &["heap-arena"], &[]).len(), 1);
        assert_eq!(breaches("heap-arena", &["heap-pool"], &[]).len(), 1);
    }

    #[test]
    fn a_lock_in_the_global_allocator_is_a_breach() {
        let expected = "`heap-smp` may not bring `parking_lot` to its users";
        assert_eq!(breaches("heap-smp", &[], &["parking_lot"]), [expected]);
    }

    #[test]
    fn a_published_crate_without_a_floor_is_a_breach() {
        assert_eq!(breaches("heap-new", &[], &[]), ["`heap-new` has no floor in xtask/src/tidy/layers.rs"]);
    }
}
