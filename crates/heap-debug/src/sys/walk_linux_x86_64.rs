//! The walk on Linux and x86-64: the compiler's unwind tables, read once per return address and kept as one word.
//!
//! Programs there have no frame pointers as a rule, but every function has an entry in `.eh_frame`, else panics could
//! not unwind. Reading one takes a microsecond or two; after that a frame costs some nanoseconds and no system call.
//! Code of a library that was closed with `dlclose` and replaced by another may be taken for the old one's.

use core::arch::asm;
use core::ffi::{c_int, c_void};
use core::ptr;

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, NativeEndian, RegisterRule, UnwindContext,
    UnwindContextStorage, UnwindSection, X86_64,
};

use super::gate::Gate;
use super::rule::{Cache, Rule};

static CACHE: Cache = Cache::new();
/// glibc does not open the loader's lock in the child of a fork: who had it is gone, and the child's first look-up would wait forever.
static LOADER: Gate = Gate::new();

/// Waits until no thread has the loader's lock for a walk.
pub(crate) fn before_fork() {
    LOADER.close();
}

/// Lets walks look things up again.
pub(crate) fn after_fork(in_child: bool) {
    LOADER.open(in_child);
}

/// The largest frame that is believed, in bytes.
const FRAME_MAX: usize = 64 << 20;

/// Where a function is, and its frame: what a walk starts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pc: usize,
    sp: usize,
    fp: usize,
}

impl Site {
    /// In the function that this is inlined into. Three instructions.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let (pc, sp, fp);
        // SAFETY: reads three registers.
        unsafe {
            asm!("lea {pc}, [rip]", "mov {sp}, rsp", "mov {fp}, rbp",
                pc = out(reg) pc, sp = out(reg) sp, fp = out(reg) fp, options(nomem, nostack, preserves_flags));
        }
        Self { pc, sp, fp }
    }
}

impl Site {
    /// As a return address into that function would be.
    pub(crate) const fn as_return_address(self) -> usize {
        self.pc + 1
    }
}

/// The bytes below the stack pointer that a function may use without moving it.
const BELOW_STACK: usize = 128;

/// Lets the thread that a signal interrupted go on in `entry`, on its own stack, and says where it was.
///
/// # Safety
///
/// `context` is what the system passed to the signal's handler.
pub(crate) unsafe fn divert(context: *mut c_void, entry: extern "C" fn() -> !) -> Option<Site> {
    // SAFETY: the caller's promise.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let register = |index: c_int| registers[index as usize] as usize;
    let site = Site { pc: register(libc::REG_RIP), sp: register(libc::REG_RSP), fp: register(libc::REG_RBP) };
    // As behind a call: a multiple of 16, less the return address.
    let sp = (site.sp - BELOW_STACK) & !15;
    registers[libc::REG_RSP as usize] = (sp - 8) as i64;
    registers[libc::REG_RIP as usize] = entry as *const () as i64;
    Some(site)
}

/// Writes the return addresses of the callers of the function that `site` is in, innermost first, and returns how many.
///
/// # Safety
///
/// That function has not returned.
pub(crate) unsafe fn walk(site: &Site, out: &mut [usize]) -> usize {
    let &Site { mut pc, mut sp, mut fp } = site;
    // A return address lies behind its call, perhaps in the next function already; the first `pc` lies inside.
    let mut lookup = pc;
    let mut count = 0;
    while count < out.len() {
        let Some(rule) = CACHE.get(lookup).or_else(|| learn(lookup)) else { break };
        let frame = rule.frame_address(sp, fp).filter(|frame| frame.wrapping_sub(sp) < FRAME_MAX);
        let Some(frame) = frame.filter(|&frame| !rule.is_end() && frame > sp && frame % 8 == 0) else {
            break;
        };
        // SAFETY: the compiler's table says that the return address of this live frame is just below its start, and
        // where the caller's frame pointer was saved: both on this thread's stack, above `sp`. The frames are live, as the
        // caller promises for the innermost.
        unsafe {
            pc = ptr::with_exposed_provenance::<usize>(frame - 8).read();
            if rule.saved_below() != 0 {
                fp = ptr::with_exposed_provenance::<usize>(frame - rule.saved_below()).read();
            }
        }
        if pc == 0 {
            break;
        }
        out[count] = pc;
        count += 1;
        (sp, lookup) = (frame, pc - 1);
    }
    count
}

/// Looks an address up in the tables of the module it lies in. Takes the loader's lock for a moment; `None` during a fork.
#[cold]
#[inline(never)]
fn learn(address: usize) -> Option<Rule> {
    let mut search = Search { address, rule: Rule::END };
    // SAFETY: the callback gets `search` back, and is done with it when the call returns.
    LOADER.pass(|| unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) })?;
    CACHE.set(address, search.rule);
    Some(search.rule)
}

/// As a walk through an address that was never met before.
#[cfg(test)]
pub(crate) fn look_up(address: usize) -> bool {
    learn(address).is_some()
}

struct Search {
    address: usize,
    rule: Rule,
}

/// One loaded module: if it is the one, answers and stops the iteration.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: `learn` passed it; the loader passes a valid `info`, whose headers are mapped while it holds its lock.
    let (search, info, headers) = unsafe {
        let info = &*info;
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        (&mut *search.cast::<Search>(), info, headers)
    };
    let bias = info.dlpi_addr as usize;
    let start = |header: &libc::Elf64_Phdr| bias.wrapping_add(header.p_vaddr as usize);
    let holds = |header: &&libc::Elf64_Phdr, address: usize| {
        header.p_type == libc::PT_LOAD
            && address.wrapping_sub(start(header)) < usize::try_from(header.p_memsz).unwrap_or(0)
    };
    if !headers.iter().any(|header| holds(&header, search.address)) {
        return 0;
    }
    let table = headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME);
    if let Some(table) = table {
        let table_start = start(table);
        let load = headers.iter().find(|header| holds(header, table_start));
        let load_end = load.map_or(table_start, |load| start(load) + load.p_filesz as usize);
        search.rule = read_rule(search.address, table_start, load_end).unwrap_or(Rule::END);
    }
    1
}

/// Room for the registers that functions save, on the stack: no table names more.
struct OnStack;

impl UnwindContextStorage<usize> for OnStack {
    type Rules = [(gimli::Register, RegisterRule<usize>); 32];
    type Stack = [gimli::UnwindTableRow<usize, Self>; 4];
}

/// Reads the rule of `address` from the search table at `start`; it and the frames lie below `end`, in one segment.
fn read_rule(address: usize, start: usize, end: usize) -> Option<Rule> {
    let bytes = |from: usize| {
        let len = end.checked_sub(from)?;
        // SAFETY: the loader mapped the segment, and it stays while the walk is inside its code.
        let bytes = unsafe { core::slice::from_raw_parts(ptr::with_exposed_provenance::<u8>(from), len) };
        Some(EndianSlice::new(bytes, NativeEndian))
    };
    let bases = BaseAddresses::default().set_eh_frame_hdr(start as u64);
    let header = EhFrameHdr::from(bytes(start)?).parse(&bases, 8).ok()?;
    let gimli::Pointer::Direct(frames) = header.eh_frame_ptr() else { return None };
    let frames = usize::try_from(frames).ok().filter(|&frames| frames >= start)?;
    let bases = bases.set_eh_frame(frames as u64);
    let section = EhFrame::from(bytes(frames)?);
    let mut context = UnwindContext::<usize, OnStack>::new_in();
    let row = header
        .table()?
        .unwind_info_for_address(&section, &bases, &mut context, address as u64, EhFrame::cie_from_offset)
        .ok()?;
    let &CfaRule::RegisterAndOffset { register, offset } = row.cfa() else { return None };
    let from_frame_pointer = register == X86_64::RBP;
    if !(from_frame_pointer || register == X86_64::RSP)
        || row.register(X86_64::RA) != Some(RegisterRule::Offset(-8))
    {
        return None;
    }
    match row.register(X86_64::RBP) {
        None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => {
            Rule::new(from_frame_pointer, offset, 0)
        }
        Some(RegisterRule::Offset(saved)) if saved < 0 => Rule::new(from_frame_pointer, offset, -saved),
        _ => None,
    }
}
