"""The plan modes each case runs in: settings of the session, and the way a statement is sent."""
_PARALLEL = ["SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0",
             "SET min_parallel_index_scan_size = 0", "SET max_parallel_workers_per_gather = 2"]
# Files that most older modes leave out: the modes of faiss indexes, which come last, are for them.
_NEAREST = "11_nearest"
# Nothing but a faiss index gives the order of distances.
_FAISS = ["SET enable_seqscan = off", "SET enable_sort = off", "SET enable_bitmapscan = off", "SET jit = off"]
_INDEXED = ["SET enable_seqscan = off", "SET random_page_cost = 0.1"]


class Mode:
    """indexes: made before it. only, never: the query files it is for, or not for; one for faiss indexes must scan each of them.
    exact: it answers queries with a LIMIT as a sequential scan does."""

    def __init__(self, name, settings=(), style="simple", indexes=False, only="", never=None, exact=True):
        self.name, self.settings, self.style, self.indexes = name, list(settings), style, indexes
        self.only, self.never, self.exact = only, never, exact

    def is_for(self, name):
        return name.startswith(self.only) and not (self.never and name.startswith(self.never))


def faiss(name, settings=(), style="simple", only=_NEAREST, exact=True):
    return Mode(name, [*_FAISS, *settings], style, True, only, exact=exact)


MODES = [
    Mode("batch"),
    Mode("row", ["SET pgml.batch = off"]),
    Mode("unfused", ["SET pgml.fused_scan = off"], never=_NEAREST),
    Mode("jit", ["SET jit = on", "SET jit_above_cost = 0", "SET jit_inline_above_cost = -1", "SET jit_optimize_above_cost = -1"], never=_NEAREST),
    Mode("batch1", ["SET pgml.batch_size = 1"], never=_NEAREST),
    Mode("batch7", ["SET pgml.batch_size = 7"], never=_NEAREST),
    Mode("parallel", _PARALLEL, never=_NEAREST),
    Mode("workers_only", [*_PARALLEL, "SET parallel_leader_participation = off", "SET pgml.batch_size = 16",
                          "SET force_parallel_mode = on"], never=_NEAREST),
    Mode("nohash", ["SET enable_hashjoin = off", "SET enable_hashagg = off", "SET enable_partitionwise_join = on",
                    "SET enable_partitionwise_aggregate = on"], never=_NEAREST),
    Mode("nestloop", ["SET enable_hashjoin = off", "SET enable_mergejoin = off", "SET enable_seqscan = off"], never=_NEAREST),
    Mode("merge", ["SET enable_hashjoin = off", "SET enable_nestloop = off", "SET enable_material = off"], never=_NEAREST),
    Mode("flat", ["SET from_collapse_limit = 1", "SET join_collapse_limit = 1", "SET enable_memoize = off", "SET enable_sort = off",
                  "SET enable_incremental_sort = off"], never=_NEAREST),
    Mode("generic", ["SET plan_cache_mode = force_generic_plan"], style="prepared"),
    Mode("cursor", ["SET pgml.batch_size = 5"], style="cursor"),
    Mode("scroll", style="scroll"),
    Mode("plpgsql", style="plpgsql"),
    Mode("indexed", _INDEXED, indexes=True),
    Mode("indexed_row", [*_INDEXED, "SET pgml.batch = off", "SET enable_bitmapscan = off"], indexes=True, never=_NEAREST),
    Mode("indexed_order", [*_INDEXED, "SET enable_bitmapscan = off", "SET enable_sort = off", "SET enable_hashjoin = off",
                           "SET enable_hashagg = off", "SET pgml.batch_size = 3"], indexes=True, never=_NEAREST),
    # All sessions have pgml.recall = 1, which bounds every row. Below, by estimates of all codes instead; with little memory, so that
    # rows are left out and found again; and where few lists are opened at first, all rows must come in the end.
    faiss("faiss"),
    faiss("faiss_estimates", ["SET pgml.probes = 65536", "SET pgml.refine = 1000000"]),
    faiss("faiss_memory", ["SET work_mem = '64kB'", "SET pgml.batch = off"]),
    faiss("faiss_estimates_memory", ["SET pgml.probes = 65536", "SET pgml.refine = 1000000", "SET work_mem = '64kB'"]),
    faiss("faiss_generic", ["SET plan_cache_mode = force_generic_plan"], style="prepared"),
    faiss("faiss_cursor", style="cursor"),
    faiss("faiss_workers", [*_PARALLEL, "SET force_parallel_mode = on", "SET pgml.iterative_scan = relaxed_order"]),
    faiss("faiss_bitmap", ["SET enable_bitmapscan = on", "SET enable_indexscan = off", "SET work_mem = '64kB'"], only="11_nearest_range"),
    faiss("faiss_relaxed", ["SET pgml.recall = 0.5", "SET pgml.probes = 1", "SET pgml.refine = 1", "SET pgml.iterative_scan = relaxed_order"],
          only="11_nearest_all", exact=False),
    faiss("faiss_relaxed_memory", ["SET pgml.recall = 0.5", "SET pgml.probes = 2", "SET pgml.refine = 20", "SET work_mem = '64kB'",
                                   "SET pgml.iterative_scan = relaxed_order"], only="11_nearest_all", exact=False),
]

# Made on the tested side before its first mode with indexes; those modes come last.
INDEXES = """
CREATE INDEX ON houses (price);
CREATE INDEX ON houses (kind, price DESC);
CREATE INDEX ON houses (id) WHERE price > 250000;
CREATE INDEX ON houses ((price * 2));
CREATE INDEX ON houses USING hash (kind);
CREATE INDEX ON houses USING brin (rent);
CREATE STATISTICS houses_guess ON price, kind FROM houses;
CREATE INDEX ON few (price) INCLUDE (id);
CREATE INDEX ON few (kind);
CREATE INDEX ON vecs (y);
CREATE INDEX ON lots (price);
CREATE INDEX ON lots (kind, id);
CREATE INDEX ON plots (price);
CREATE INDEX ON plots_too (price);
CREATE INDEX ON estate (price);
CREATE INDEX ON villa (price);
CREATE INDEX ON hut (price);
CREATE INDEX ON guarded (price);
CREATE INDEX ON secret (price);
CREATE INDEX ON watched (price);
CREATE INDEX near_l2_faiss ON near USING faiss (v);
CREATE INDEX near_cosine_faiss ON near USING faiss (v vector_cosine_ops) WITH (factory = 'IVF10,SQ8');
CREATE INDEX near_ip_faiss ON near USING faiss (v vector_ip_ops) WITH (factory = 'IVF7,PQ4x4fs,RFlat');
CREATE INDEX near_expression_faiss ON near USING faiss ((subvector(v, 1, 4)::vector(4)));
CREATE INDEX near_partial_faiss ON near USING faiss (v vector_cosine_ops) WITH (factory = 'IVF2,Flat') WHERE g = 1;
CREATE INDEX near_real_l2_faiss ON near USING faiss (r) WITH (factory = 'IVF9,PQ6x4fs');
CREATE INDEX near_real_ip_faiss ON near USING faiss (r real_ip_ops) WITH (factory = 'Flat');
CREATE INDEX near_real_cosine_faiss ON near USING faiss (r real_cosine_ops) WITH (factory = 'IVF5,SQ8');
CREATE INDEX grid_l2_faiss ON grid USING faiss (v);
CREATE INDEX grid_ip_faiss ON grid USING faiss (v vector_ip_ops) WITH (lists = 6);
CREATE INDEX parts_0_faiss ON parts_0 USING faiss (v) WITH (factory = 'Flat');
CREATE INDEX parts_1_faiss ON parts_1 USING faiss (v) WITH (factory = 'IVF8,Flat');
CREATE INDEX parts_2_faiss ON parts_2 USING faiss (v) WITH (factory = 'IVF4,SQ8');
CREATE INDEX parts_3_faiss ON parts_3 USING faiss (v) WITH (factory = 'IVF6,PQ8x4fs');
CREATE INDEX wide_faiss ON wide USING faiss (v) WITH (factory = 'IVF3,PQx4fs,RFlat');
CREATE INDEX shapes_spot_faiss ON shapes USING faiss (spot);
ANALYZE
"""
