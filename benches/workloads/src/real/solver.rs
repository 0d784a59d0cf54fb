//! batsat: satisfiability problems, some with a solution and some without.
//!
//! Clauses in one growing store that is copied when it is compacted, watch lists that grow and shrink by thousands.

use batsat::{BasicSolver, Lit, SolverInterface, Var, lbool};

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

/// Problems of each kind.
const PUZZLES: usize = 10;

pub(crate) fn prepare(scale: Scale) -> Job {
    let size = scale.at_least(20_000, 100);
    Box::new(move || {
        let mut rng = Rng::new(150);
        let (mut solved, mut conflicts, mut ok, mut loaded) = (0, 0, true, 0);
        for puzzle in 0..PUZZLES {
            let (clauses, variables) = planted(&mut rng, size + puzzle * size / 40);
            let mut solver = load(&clauses, variables);
            if solver.solve_limited(&[]) == lbool::TRUE {
                solved += 1;
                ok &= clauses.iter().all(|clause| clause.iter().any(|&lit| holds(&solver, lit)));
            } else {
                ok = false;
            }
            conflicts += solver.num_conflicts();
            loaded += clauses.len() as u64;
            // One pigeon more than holes: never solvable.
            let (clauses, variables) = pigeons(5 + puzzle % 2);
            let mut solver = load(&clauses, variables);
            ok &= solver.solve_limited(&[]) == lbool::FALSE;
            conflicts += solver.num_conflicts();
        }
        ok &= solved == PUZZLES;
        Outcome { ok, check: format!("solved={solved} conflicts={conflicts}"), ops: loaded }
    })
}

type Clause = Vec<(usize, bool)>;

fn load(clauses: &[Clause], variables: usize) -> BasicSolver {
    let mut solver = BasicSolver::default();
    let names: Vec<Var> = (0..variables).map(|_| solver.new_var_default()).collect();
    for clause in clauses {
        let mut literals = clause.iter().map(|&(variable, sign)| Lit::new(names[variable], sign)).collect();
        solver.add_clause_reuse(&mut literals);
    }
    solver
}

fn holds(solver: &BasicSolver, (variable, sign): (usize, bool)) -> bool {
    let value = solver.get_model()[variable];
    value == if sign { lbool::TRUE } else { lbool::FALSE }
}

/// Random clauses of three that a hidden assignment satisfies; some way below the density where they become hard.
fn planted(rng: &mut Rng, variables: usize) -> (Vec<Clause>, usize) {
    let hidden: Vec<bool> = (0..variables).map(|_| rng.chance(50)).collect();
    let mut clauses = Vec::new();
    while clauses.len() < variables * 13 / 4 {
        let clause: Clause = (0..3).map(|_| (rng.below(variables), rng.chance(50))).collect();
        if clause.iter().any(|&(variable, sign)| hidden[variable] == sign) {
            clauses.push(clause);
        }
    }
    (clauses, variables)
}

/// `holes + 1` pigeons, each in a hole, no two in the same one.
fn pigeons(holes: usize) -> (Vec<Clause>, usize) {
    let name = |pigeon: usize, hole: usize| pigeon * holes + hole;
    let mut clauses: Vec<Clause> =
        (0..=holes).map(|pigeon| (0..holes).map(|hole| (name(pigeon, hole), true)).collect()).collect();
    for hole in 0..holes {
        for second in 0..=holes {
            clauses.extend(
                (0..second).map(|first| vec![(name(first, hole), false), (name(second, hole), false)]),
            );
        }
    }
    (clauses, (holes + 1) * holes)
}
