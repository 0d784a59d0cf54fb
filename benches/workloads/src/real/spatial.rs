//! rstar: a map of places as an R*-tree: loaded at once, then changed place by place while it is searched.
//!
//! Nodes are vectors that grow, split and are inserted again; every place has a name of its own.

use rstar::{AABB, PointDistance, RTree, RTreeObject};

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

const WIDTH: usize = 1 << 20;

#[derive(Clone, PartialEq)]
struct Place {
    at: [i64; 2],
    name: String,
}

impl RTreeObject for Place {
    type Envelope = AABB<[i64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_point(self.at)
    }
}

impl PointDistance for Place {
    fn distance_2(&self, point: &[i64; 2]) -> i64 {
        (self.at[0] - point[0]).pow(2) + (self.at[1] - point[1]).pow(2)
    }
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let count = scale.at_least(350_000, 100);
    let mut rng = Rng::new(200);
    let words = Vocabulary::new(&mut rng, 3_000);
    let places: Vec<Place> = (0..2 * count).map(|number| place(&mut rng, &words, number)).collect();
    Box::new(move || {
        let (first, second) = places.split_at(count);
        let mut rng = Rng::new(201);
        let mut tree = RTree::bulk_load(first.to_vec());
        let (mut found, mut ok) = (0, true);
        for (old, new) in first.iter().zip(second) {
            ok &= tree.remove(old).is_some_and(|removed| removed == *old);
            tree.insert(new.clone());
            if rng.chance(30) {
                let corner = [rng.below(WIDTH) as i64, rng.below(WIDTH) as i64];
                let area = AABB::from_corners(corner, corner.map(|edge| edge + 8_000));
                found += tree.locate_in_envelope(area).filter(|place| place.name.len() < 12).count();
            }
        }
        ok &= tree.size() == count;
        for _ in 0..3 {
            let point = [rng.below(WIDTH) as i64, rng.below(WIDTH) as i64];
            let nearest = tree.nearest_neighbor(point).map(|place| place.distance_2(&point));
            ok &= nearest == second.iter().map(|place| place.distance_2(&point)).min();
        }
        Outcome { ok, check: format!("places={} found={found}", tree.size()), ops: 2 * count as u64 }
    })
}

fn place(rng: &mut Rng, words: &Vocabulary, number: usize) -> Place {
    let at = [rng.below(WIDTH) as i64, rng.below(WIDTH) as i64];
    Place { at, name: format!("{} {number}", words.pick(rng)) }
}
