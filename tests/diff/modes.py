"""The plan modes each case runs in: settings of the session, and the way a statement is sent."""
_PARALLEL = ["SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0",
             "SET min_parallel_index_scan_size = 0", "SET max_parallel_workers_per_gather = 2"]
_INDEXED = ["SET enable_seqscan = off", "SET random_page_cost = 0.1"]


class Mode:
    def __init__(self, name, settings=(), style="simple", indexes=False):
        self.name, self.settings, self.style, self.indexes = name, list(settings), style, indexes


MODES = [
    Mode("batch"),
    Mode("row", ["SET pgml.batch = off"]),
    Mode("unfused", ["SET pgml.fused_scan = off"]),
    Mode("jit", ["SET jit = on", "SET jit_above_cost = 0", "SET jit_inline_above_cost = -1", "SET jit_optimize_above_cost = -1"]),
    Mode("batch1", ["SET pgml.batch_size = 1"]),
    Mode("batch7", ["SET pgml.batch_size = 7"]),
    Mode("parallel", _PARALLEL),
    Mode("workers_only", [*_PARALLEL, "SET parallel_leader_participation = off", "SET pgml.batch_size = 16",
                          "SET force_parallel_mode = on"]),
    Mode("nohash", ["SET enable_hashjoin = off", "SET enable_hashagg = off", "SET enable_partitionwise_join = on",
                    "SET enable_partitionwise_aggregate = on"]),
    Mode("nestloop", ["SET enable_hashjoin = off", "SET enable_mergejoin = off", "SET enable_seqscan = off"]),
    Mode("merge", ["SET enable_hashjoin = off", "SET enable_nestloop = off", "SET enable_material = off"]),
    Mode("flat", ["SET from_collapse_limit = 1", "SET join_collapse_limit = 1", "SET enable_memoize = off", "SET enable_sort = off",
                  "SET enable_incremental_sort = off"]),
    Mode("generic", ["SET plan_cache_mode = force_generic_plan"], style="prepared"),
    Mode("cursor", ["SET pgml.batch_size = 5"], style="cursor"),
    Mode("scroll", style="scroll"),
    Mode("plpgsql", style="plpgsql"),
    Mode("indexed", _INDEXED, indexes=True),
    Mode("indexed_row", [*_INDEXED, "SET pgml.batch = off", "SET enable_bitmapscan = off"], indexes=True),
    Mode("indexed_order", [*_INDEXED, "SET enable_bitmapscan = off", "SET enable_sort = off", "SET enable_hashjoin = off",
                           "SET enable_hashagg = off", "SET pgml.batch_size = 3"], indexes=True),
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
ANALYZE
"""
