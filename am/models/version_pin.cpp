/// Pins of running statements. See version_pin.h and, for how they travel in a plan, pin_entry.h.
///
/// Each execution has at most one PinSet, in a memory context below its EState's, so that it goes
/// when the executor's memory goes, however that comes about. The sets that exist are in a list
/// (there are as many as open executions that met a project); a reset callback takes a set out of
/// it. Frames are the executor calls in progress: they live on the C stack, and PG_FINALLY takes
/// them off again, so that no error can leave one behind. A statement without pins has a frame too:
/// it must not see those of the statement that called it.
///
/// ExecutorStart is where the rights of prediction columns are checked, like the rights on
/// relations. EXPLAIN without ANALYZE checks nothing and needs no model.
#include "am/models/version_pin.h"

#include "am/hooks.h"
#include "am/models/pin_entry.h"

extern "C" {
#include "access/parallel.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
}

namespace pgml::am {

namespace {

struct Pin {
	Pin *next;
	char *name;
	Project project;
	bool exists;
	bool from_plan;
};

struct PinSet {
	PinSet *next,
		**place; ///< in the list of all sets: the next one, and where the pointer to this one is
	MemoryContext context;
	MemoryContextCallback on_reset;
	const QueryDesc *query;
	const EState *estate; ///< nullptr until the executor state exists
	uint64 epoch;
	Pin *pins;
};

/// An executor call in progress, or a utility command: then `query` is nullptr, and there are no
/// pins.
struct Frame {
	QueryDesc *query;
	PinSet *set; ///< made when needed
	Frame *caller;
};

ExecutorStart_hook_type previous_start = nullptr;
ExecutorRun_hook_type previous_run = nullptr;
ExecutorFinish_hook_type previous_finish = nullptr;
ProcessUtility_hook_type previous_utility = nullptr;

Frame *running = nullptr;
PinSet *sets = nullptr;
uint64 last_epoch = 0;

/// Epochs of sets are odd, those outside of statements even.
uint64
NewEpoch() {
	return ++last_epoch << 1 | 1;
}

void
UnlinkSet(void *arg) {
	auto *set = static_cast<PinSet *>(arg);
	*set->place = set->next;
	if (set->next != nullptr)
		set->next->place = set->place;
	for (Frame *frame = running; frame != nullptr; frame = frame->caller)
		if (frame->set == set)
			frame->set = nullptr;
}

PinSet *
MakeSet(QueryDesc *query) {
	// Before the executor has memory of its own, that of the QueryDesc lives long enough.
	MemoryContext parent =
		query->estate != nullptr ? query->estate->es_query_cxt : GetMemoryChunkContext(query);
	MemoryContext context = AllocSetContextCreate(parent, "pgml pins", ALLOCSET_SMALL_SIZES);
	auto *set = (PinSet *)MemoryContextAllocZero(context, sizeof(PinSet));
	set->context = context;
	set->query = query;
	set->estate = query->estate;
	set->epoch = NewEpoch();
	set->on_reset.func = UnlinkSet;
	set->on_reset.arg = set;
	set->next = sets;
	set->place = &sets;
	if (sets != nullptr)
		sets->place = &set->next;
	sets = set;
	MemoryContextRegisterResetCallback(context, &set->on_reset);
	return set;
}

/// The set that an earlier executor call of this execution left.
PinSet *
FindSet(const QueryDesc *query) {
	for (PinSet *set = sets; set != nullptr; set = set->next)
		if (set->query == query && set->estate == query->estate)
			return set;
	return nullptr;
}

Pin *
FindPin(const PinSet *set, const char *name) {
	for (Pin *pin = set->pins; pin != nullptr; pin = pin->next)
		if (strcmp(pin->name, name) == 0)
			return pin;
	return nullptr;
}

Pin *
AddPin(PinSet *set, const char *name, bool exists, const Project &project, bool from_plan) {
	auto *pin = (Pin *)MemoryContextAllocZero(set->context, sizeof(Pin));
	pin->name = MemoryContextStrdup(set->context, name);
	pin->project = project;
	pin->exists = exists;
	pin->from_plan = from_plan;
	pin->next = set->pins;
	set->pins = pin;
	return pin;
}

/// Pins a project that the plan names. One that does not exist is pinned as absent: evaluating it
/// raises, and whether its owner may use it cannot change while the statement runs.
Pin *
PinFromCatalog(PinSet *set, const char *name) {
	Pin *pin = FindPin(set, name);
	if (pin != nullptr)
		return pin;
	Project project = {};
	bool exists = LookupProject(name, &project);
	return AddPin(set, name, exists, project, true);
}

void
CheckColumnRights(const Project &project, const char *name, Oid owner) {
	if (HasProjectUse(project, owner))
		return;
	char *owner_name = GetUserNameFromId(owner, true);
	if (owner_name == nullptr)
		owner_name = psprintf("%u", owner);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for project \"%s\"", name),
			 errdetail("A prediction column is computed with the rights of the table's owner, "
					   "which is role \"%s\".",
					   owner_name),
			 errhint("The owner of the project can allow it with pgml.grant_use(%s, %s).",
					 quote_literal_cstr(name), quote_literal_cstr(owner_name))));
}

void
CheckModelRights(int64 model_id, Oid owner) {
	Project project;
	if (!LookupModelProject(model_id, &project) || HasProjectUse(project, owner))
		return; // a missing model raises when it is evaluated
	char *name = ProjectName(project.project_id);
	CheckColumnRights(project, name != nullptr ? name : "", owner);
}

/// Resolves what the plan says. `check_rights`: not for EXPLAIN, not in a worker (the leader did
/// it).
void
ResolveItems(PinSet *set, const PlannedStmt *statement, List *items, bool check_rights) {
	ListCell *cell;
	foreach (cell, items) {
		PinItem item = DecodePinItem(strVal(lfirst(cell)));
		switch (item.kind) {
			case PinKind::kResolved:
				AddPin(set, item.name, item.project.project_id != 0, item.project, true);
				break;
			case PinKind::kProject:
				PinFromCatalog(set, item.name);
				break;
			case PinKind::kColumnCall: {
				Pin *pin = PinFromCatalog(set, item.name);
				if (check_rights && pin->exists)
					CheckColumnRights(pin->project, item.name, item.owner);
				break;
			}
			case PinKind::kColumnModel:
				if (check_rights)
					CheckModelRights(item.project.model_id, item.owner);
				break;
			case PinKind::kDynamicColumn:
				// DDL refuses such columns; should one exist all the same, nobody's right could be
				// checked.
				if (check_rights)
					ereport(ERROR,
							(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							 errmsg("the project of a prediction column must be a constant")));
				break;
			case PinKind::kIndex:
				break; // locked before
			case PinKind::kDynamic:
				// Workers must not look projects up on their own.
				if (statement->parallelModeNeeded) {
					ListCell *project;
					foreach (project, DeployedProjects())
						PinFromCatalog(set, (char *)lfirst(project));
				}
				break;
		}
	}
}

/// A copy of the plan that tells workers what the leader pinned; the plan itself may be in a cache.
PlannedStmt *
WithResolvedPins(const PlannedStmt *statement, const PinSet *set) {
	List *items = NIL;
	for (const Pin *pin = set->pins; pin != nullptr; pin = pin->next) {
		PinItem item = {PinKind::kResolved, InvalidOid, pin->name, pin->project};
		items = lappend(items, EncodePinItem(item));
	}
	auto *copy = (PlannedStmt *)palloc(sizeof(PlannedStmt));
	*copy = *statement;
	copy->rtable = lappend(list_copy(statement->rtable), MakePinEntry(items));
	return copy;
}

/**
 * Locks the indexes that the plan scans, as executor start will do later. A deploy holds an
 * exclusive lock on an index of predictions while it rebuilds it: who looked up the deployed model
 * before waiting for that lock would then read the new index with the old model. (The planner has
 * these locks; a plan out of a cache does not.)
 */
void
LockIndexes(List *items) {
	ListCell *cell;
	foreach (cell, items) {
		PinItem item = DecodePinItem(strVal(lfirst(cell)));
		if (item.kind == PinKind::kIndex)
			LockRelationOid(item.owner, AccessShareLock);
	}
}

/// Pins what the plan names, before the executor's state is built.
PinSet *
PinPlan(QueryDesc *query, int flags) {
	List *items = PinItems(query->plannedstmt);
	if (items == NIL)
		return nullptr;
	bool leader = !IsParallelWorker();
	if (leader)
		LockIndexes(items);
	// A plan that was locked long ago has processed nothing since; what is deployed now must be
	// known now.
	if (leader)
		AcceptInvalidationMessages();
	PinSet *set = MakeSet(query);
	ResolveItems(set, query->plannedstmt, items, leader && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0);
	if (leader && query->plannedstmt->parallelModeNeeded) {
		MemoryContext previous = MemoryContextSwitchTo(GetMemoryChunkContext(query));
		query->plannedstmt = WithResolvedPins(query->plannedstmt, set);
		MemoryContextSwitchTo(previous);
	}
	return set;
}

void
Start(QueryDesc *query, int flags) {
	Frame frame = {query, nullptr, running};
	running = &frame;
	PG_TRY();
	{
		frame.set = PinPlan(query, flags);
		if (previous_start != nullptr)
			previous_start(query, flags);
		else
			standard_ExecutorStart(query, flags);
		if (frame.set != nullptr && frame.set->estate == nullptr && query->estate != nullptr) {
			frame.set->estate = query->estate;
			MemoryContextSetParent(frame.set->context, query->estate->es_query_cxt);
		}
	}
	PG_FINALLY();
	{ running = frame.caller; }
	PG_END_TRY();
}

void
Run(QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once) {
	Frame frame = {query, FindSet(query), running};
	running = &frame;
	PG_TRY();
	{
		if (previous_run != nullptr)
			previous_run(query, direction, count, execute_once);
		else
			standard_ExecutorRun(query, direction, count, execute_once);
	}
	PG_FINALLY();
	{ running = frame.caller; }
	PG_END_TRY();
}

void
Finish(QueryDesc *query) {
	Frame frame = {query, FindSet(query), running};
	running = &frame;
	PG_TRY();
	{
		if (previous_finish != nullptr)
			previous_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{ running = frame.caller; }
	PG_END_TRY();
}

void
RunUtility(PlannedStmt *statement, const char *query_string, bool read_only_tree,
		   ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
		   DestReceiver *destination, QueryCompletion *completion) {
	Frame frame = {nullptr, nullptr, running};
	running = &frame;
	PG_TRY();
	{
		if (previous_utility != nullptr)
			previous_utility(statement, query_string, read_only_tree, context, params, environment,
							 destination, completion);
		else
			standard_ProcessUtility(statement, query_string, read_only_tree, context, params,
									environment, destination, completion);
	}
	PG_FINALLY();
	{ running = frame.caller; }
	PG_END_TRY();
}

/// The set of the statement that is running, made now if it has none yet; nullptr outside of
/// statements.
PinSet *
RunningSet() {
	if (running == nullptr || running->query == nullptr)
		return nullptr;
	if (running->set == nullptr)
		running->set = MakeSet(running->query);
	return running->set;
}

} // namespace

bool
PinnedProject(const char *name, Project *out) {
	PinSet *set = RunningSet();
	if (set == nullptr)
		return LookupProject(name, out);
	const Pin *pin = FindPin(set, name);
	if (pin == nullptr) {
		Project project;
		if (!LookupProject(name, &project))
			return false;
		pin = AddPin(set, name, true, project, false);
	}
	*out = pin->project;
	return pin->exists;
}

uint64
PinEpoch() {
	const PinSet *set = RunningSet();
	return set != nullptr ? set->epoch : CatalogGeneration() << 1;
}

void
ForgetPinsMetWhileRunning() {
	for (Frame *frame = running; frame != nullptr; frame = frame->caller) {
		if (frame->set == nullptr)
			continue;
		Pin **place = &frame->set->pins;
		while (*place != nullptr) {
			if ((*place)->from_plan)
				place = &(*place)->next;
			else
				*place = (*place)->next; // its memory goes with the set
		}
		frame->set->epoch = NewEpoch();
	}
}

void
RunUnpinned(void (*work)(void *argument), void *argument) {
	if (running == nullptr) {
		work(argument);
		return;
	}
	Frame frame = {nullptr, nullptr, running};
	running = &frame;
	PG_TRY();
	{ work(argument); }
	PG_FINALLY();
	{ running = frame.caller; }
	PG_END_TRY();
}

void
InstallVersionPinHooks() {
	previous_start = ExecutorStart_hook;
	ExecutorStart_hook = Start;
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = Run;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = Finish;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = RunUtility;
}

} // namespace pgml::am
