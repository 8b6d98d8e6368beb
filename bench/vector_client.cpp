/// The client of the vector benchmark: libpq, a prepared statement, binary parameters and results, one query after the
/// other. Client and backend share one core, so that what is measured does not depend on which cores they landed on.
///
///   pgml_bench_vector_client CONNECTION load TABLE FILE.fvecs                        COPY of (id, embedding)
///   pgml_bench_vector_client CONNECTION query SET METRIC COUNT PASSES CORE SETTING...
///   pgml_bench_vector_client CONNECTION clients SET METRIC SECONDS SETTING           one client, then two
///   pgml_bench_vector_client CONNECTION insert FILE.fvecs FIRST COUNT CORE           one row per statement
///   pgml_bench_vector_client CONNECTION floor SET METRIC COUNT PASSES CORE           the same parameter, no table
///
/// METRIC is l2 or cosine; SETTING is "LABEL|STATEMENT;STATEMENT...", run before the measurement. The table is "items".
/// `query` prints for each setting, separated by tabs: label, recall of the 10 nearest, queries per second (best pass of
/// PASSES after a warm one), median and 99th percentile in ms (of that pass), load of the other cores
/// during it, processor time of a query in ms (client and backend).
#include "vector_files.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <libpq-fe.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

using bench::Die;
using bench::Now;
using bench::Rows;

namespace {

constexpr size_t kNeighbours = 10;

/// A connection that ends the program when anything fails.
class Session {
public:
	explicit Session(const std::string &connection) : connection_(PQconnectdb(connection.c_str())) {
		if (PQstatus(connection_) != CONNECTION_OK)
			Fail("could not connect");
	}
	~Session() { PQfinish(connection_); }
	Session(const Session &) = delete;

	[[noreturn]] void
	Fail(const std::string &what) const {
		Die(what + ": " + PQerrorMessage(connection_));
	}
	PGconn *
	Connection() const {
		return connection_;
	}
	/// Runs statements; returns the first column of the last one's rows, one a line.
	std::string
	Run(const std::string &statements) const {
		PGresult *result = PQexec(connection_, statements.c_str());
		if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
			Fail(statements);
		std::string text;
		for (int row = 0; row < PQntuples(result); row++)
			text += std::string(PQgetvalue(result, row, 0)) + "\n";
		PQclear(result);
		return text;
	}
	Oid
	VectorType() const {
		return static_cast<Oid>(
			std::strtoul(Run("SELECT 'vector'::regtype::oid").c_str(), nullptr, 10));
	}
	void
	Prepare(const std::string &statement, const std::vector<Oid> &types) const {
		PGresult *result = PQprepare(connection_, "statement", statement.c_str(),
									 static_cast<int>(types.size()), types.data());
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			Fail(statement);
		PQclear(result);
	}
	/// Executes what was prepared; the caller clears the result.
	PGresult *
	Execute(const std::vector<std::string> &parameters) const {
		const char *values[2];
		int lengths[2];
		const int formats[2] = {1, 1};
		for (size_t i = 0; i < parameters.size(); i++) {
			values[i] = parameters[i].data();
			lengths[i] = static_cast<int>(parameters[i].size());
		}
		PGresult *result =
			PQexecPrepared(connection_, "statement", static_cast<int>(parameters.size()), values,
						   lengths, formats, 1);
		if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
			Fail("a query");
		return result;
	}
	/// Processor seconds of the backend so far.
	double
	BackendSeconds() const {
		const std::string path =
			"/proc/" + std::to_string(PQbackendPID(connection_)) + "/schedstat";
		unsigned long long nanoseconds = 0;
		FILE *file = std::fopen(path.c_str(), "r");
		if (file == nullptr || std::fscanf(file, "%llu", &nanoseconds) != 1)
			Die("could not read " + path);
		std::fclose(file);
		return static_cast<double>(nanoseconds) * 1e-9;
	}
	/// Puts this process and its backend on one core.
	void
	Pin(int core) const {
		cpu_set_t cores;
		CPU_ZERO(&cores);
		CPU_SET(core, &cores);
		const int backend = PQbackendPID(connection_);
		if (sched_setaffinity(0, sizeof cores, &cores) != 0 ||
			sched_setaffinity(backend, sizeof cores, &cores) != 0)
			Die("could not pin client and backend to core " + std::to_string(core));
	}

private:
	PGconn *connection_;
};

void
Append16(std::string &bytes, uint16_t value) {
	value = htons(value);
	bytes.append(reinterpret_cast<const char *>(&value), 2);
}

void
Append32(std::string &bytes, uint32_t value) {
	value = htonl(value);
	bytes.append(reinterpret_cast<const char *>(&value), 4);
}

/// What vector_recv reads: int16 dimensions, int16 0, the elements.
std::string
Wire(const float *row, size_t dim) {
	std::string bytes;
	Append16(bytes, static_cast<uint16_t>(dim));
	Append16(bytes, 0);
	for (size_t j = 0; j < dim; j++) {
		uint32_t bits;
		std::memcpy(&bits, row + j, 4);
		Append32(bytes, bits);
	}
	return bytes;
}

std::string
Int4(uint32_t value) {
	std::string bytes;
	Append32(bytes, value);
	return bytes;
}

void
Load(const Session &session, const std::string &table, const std::string &file) {
	const Rows<float> rows = bench::ReadRows<float>(file);
	session.Run("CREATE TABLE " + table + " (id integer, embedding vector(" +
				std::to_string(rows.n_columns) + ") NOT NULL)");
	PGresult *result = PQexec(session.Connection(),
							  ("COPY " + table + " FROM STDIN WITH (FORMAT binary)").c_str());
	if (PQresultStatus(result) != PGRES_COPY_IN)
		session.Fail("COPY");
	PQclear(result);
	std::string bytes("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
	for (size_t i = 0; i < rows.n_rows; i++) {
		const std::string wire = Wire(rows.Row(i), rows.n_columns);
		Append16(bytes, 2);
		Append32(bytes, 4);
		Append32(bytes, static_cast<uint32_t>(i));
		Append32(bytes, static_cast<uint32_t>(wire.size()));
		bytes += wire;
		if (bytes.size() > 1 << 20) {
			if (PQputCopyData(session.Connection(), bytes.data(), static_cast<int>(bytes.size())) !=
				1)
				session.Fail("COPY");
			bytes.clear();
		}
	}
	Append16(bytes, 0xffff);
	if (PQputCopyData(session.Connection(), bytes.data(), static_cast<int>(bytes.size())) != 1 ||
		PQputCopyEnd(session.Connection(), nullptr) != 1)
		session.Fail("COPY");
	result = PQgetResult(session.Connection());
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		session.Fail("COPY");
	PQclear(result);
	while ((result = PQgetResult(session.Connection())) != nullptr)
		PQclear(result);
}

const char *
Operator(const std::string &metric) {
	return metric == "l2"       ? "<->"
		   : metric == "cosine" ? "<=>"
								: (Die("a metric is l2 or cosine"), "");
}

std::vector<std::string>
QueryWires(const std::string &set, size_t count) {
	const Rows<float> rows = bench::ReadRows<float>(set + ".query.fvecs", count);
	std::vector<std::string> wires;
	for (size_t i = 0; i < rows.n_rows; i++)
		wires.push_back(Wire(rows.Row(i), rows.n_columns));
	return wires;
}

/// Prepares the search; ends the program when its plan reads no index, for then nothing here would mean anything.
void
PrepareSearch(const Session &session, const std::string &metric) {
	const std::string statement = std::string("SELECT id FROM items ORDER BY embedding ") +
								  Operator(metric) + " $1 LIMIT " + std::to_string(kNeighbours);
	session.Run("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET "
				"enable_sort = off");
	session.Prepare(statement, {session.VectorType()});
	std::string explained = statement;
	explained.replace(explained.find("$1"), 2, "(SELECT embedding FROM items LIMIT 1)");
	const std::string plan = session.Run("EXPLAIN (COSTS off) " + explained);
	if (plan.find("Index Scan using") == std::string::npos)
		Die("the search reads no index:\n" + plan);
}

/// One pass over the queries. @param answers  nullptr, or gets the ids of each query
bench::PassTimes
Pass(const Session &session, const std::vector<std::string> &wires,
	 std::vector<std::vector<int32_t>> *answers) {
	bench::PassTimes times;
	const double processor = bench::ProcessorSeconds() + session.BackendSeconds(), began = Now();
	for (const std::string &wire : wires) {
		const double t = Now();
		PGresult *result = session.Execute({wire});
		if (answers != nullptr) {
			answers->emplace_back();
			for (int row = 0; row < PQntuples(result); row++) {
				uint32_t id;
				std::memcpy(&id, PQgetvalue(result, row, 0), 4);
				answers->back().push_back(static_cast<int32_t>(ntohl(id)));
			}
		}
		PQclear(result);
		times.latency.push_back(Now() - t);
	}
	times.seconds = Now() - began;
	times.processor_seconds = bench::ProcessorSeconds() + session.BackendSeconds() - processor;
	return times;
}

/// Passes after a warm one; prints the line of one setting. @param truth  nullptr: no recall
void
Measure(const Session &session, const std::string &label, const std::vector<std::string> &wires,
		const Rows<int32_t> *truth, int passes, int core) {
	bench::OtherCores others(uint64_t{1} << core);
	std::vector<std::vector<int32_t>> answers;
	Pass(session, wires, &answers);
	bench::PassTimes best;
	for (int pass = 0; pass < passes; pass++) {
		others.Busy();
		bench::PassTimes times = Pass(session, wires, nullptr);
		times.other_cores = others.Busy();
		bench::KeepBest(&best, times);
	}
	size_t hits = 0;
	for (size_t q = 0; truth != nullptr && q < wires.size(); q++)
		hits += bench::Hits(truth->Row(q), kNeighbours, answers[q]);
	bench::PrintLine(
		label, static_cast<double>(hits) / static_cast<double>(wires.size() * kNeighbours), best);
}

void
Query(const Session &session, int argc, char **argv) {
	const std::string set = argv[3], metric = argv[4];
	const std::vector<std::string> wires = QueryWires(set, std::strtoul(argv[5], nullptr, 10));
	const Rows<int32_t> truth =
		bench::ReadRows<int32_t>(set + "." + metric + ".ivecs", wires.size());
	const int passes = std::atoi(argv[6]), core = std::atoi(argv[7]);
	session.Pin(core);
	for (int i = 8; i < argc; i++) {
		const std::string setting = argv[i];
		const size_t bar = setting.find('|');
		session.Run("RESET ALL; DEALLOCATE ALL");
		if (bar != std::string::npos)
			session.Run(setting.substr(bar + 1));
		PrepareSearch(session, metric);
		Measure(session, setting.substr(0, bar), wires, &truth, passes, core);
	}
}

/// Queries per second of `clients` processes at once, each with a backend and a core of its own.
double
Throughput(const std::string &connection, int clients, const std::string &set,
		   const std::string &metric, double seconds, const std::string &statements) {
	int ready[2], go[2], done[2];
	if (pipe(ready) != 0 || pipe(go) != 0 || pipe(done) != 0)
		Die("could not make a pipe");
	for (int client = 0; client < clients; client++) {
		if (fork() != 0)
			continue;
		const Session session(connection);
		const std::vector<std::string> wires = QueryWires(set, SIZE_MAX);
		session.Pin(client);
		session.Run(statements);
		PrepareSearch(session, metric);
		const auto warm = static_cast<long>(std::min<size_t>(500, wires.size()));
		Pass(session, std::vector<std::string>(wires.begin(), wires.begin() + warm), nullptr);
		char byte = 0;
		if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		const double began = Now();
		size_t n = 0;
		// Each client starts elsewhere, so that they do not read the same pages at the same time.
		for (size_t q = static_cast<size_t>(client) * wires.size() / 2; Now() - began < seconds;
			 n++, q++)
			PQclear(session.Execute({wires[q % wires.size()]}));
		const double rate = static_cast<double>(n) / (Now() - began);
		_exit(write(done[1], &rate, sizeof rate) == sizeof rate ? 0 : 1);
	}
	// A client that died is not waited for: the alarm ends this program, and that the others.
	alarm(static_cast<unsigned>(seconds) + 120);
	char byte = 0;
	for (int client = 0; client < clients; client++)
		if (read(ready[0], &byte, 1) != 1)
			Die("a client could not start");
	for (int client = 0; client < clients; client++)
		if (write(go[1], &byte, 1) != 1)
			Die("a client could not start");
	double sum = 0;
	for (int client = 0; client < clients; client++) {
		double rate;
		if (read(done[0], &rate, sizeof rate) != sizeof rate)
			Die("a client died");
		sum += rate;
	}
	while (wait(nullptr) > 0) {
	}
	alarm(0);
	for (int end : {ready[0], ready[1], go[0], go[1], done[0], done[1]})
		close(end);
	return sum;
}

void
Insert(const Session &session, char **argv) {
	constexpr uint32_t kFirstId = 10000000; // above those of the base
	const size_t first = std::strtoul(argv[4], nullptr, 10),
				 count = std::strtoul(argv[5], nullptr, 10);
	const Rows<float> rows = bench::ReadRows<float>(argv[3], first + count);
	if (rows.n_rows < first + count)
		Die("too few rows to insert");
	session.Pin(std::atoi(argv[6]));
	session.Run("SET synchronous_commit = off");
	session.Prepare("INSERT INTO items VALUES ($1, $2)", {23, session.VectorType()});
	std::vector<double> latency;
	const double processor_before = bench::ProcessorSeconds() + session.BackendSeconds();
	const double began = Now();
	for (size_t i = first; i < rows.n_rows; i++) {
		const double t = Now();
		PQclear(session.Execute(
			{Int4(kFirstId + static_cast<uint32_t>(i)), Wire(rows.Row(i), rows.n_columns)}));
		latency.push_back(Now() - t);
	}
	const double seconds = Now() - began;
	const double processor =
		bench::ProcessorSeconds() + session.BackendSeconds() - processor_before;
	const auto n = static_cast<double>(latency.size());
	std::sort(latency.begin(), latency.end());
	std::printf("%.1f\t%.4f\t%.1f\n", n / seconds, latency[latency.size() * 99 / 100] * 1e3,
				n / processor);
}

} // namespace

int
main(int argc, char **argv) {
	if (argc < 3)
		Die("see the head of bench/vector_client.cpp");
	const std::string connection = argv[1], command = argv[2];
	if (command == "clients" && argc == 7) {
		const std::string setting = argv[6];
		const std::string statements = setting.substr(setting.find('|') + 1);
		const double seconds = std::atof(argv[5]);
		// The better of two rounds for each, interleaved.
		double one = 0, two = 0;
		for (int round = 0; round < 2; round++) {
			one = std::max(one, Throughput(connection, 1, argv[3], argv[4], seconds, statements));
			two = std::max(two, Throughput(connection, 2, argv[3], argv[4], seconds, statements));
		}
		std::printf("%.1f\t%.1f\n", one, two);
		return 0;
	}
	const Session session(connection);
	if (command == "load" && argc == 5)
		Load(session, argv[3], argv[4]);
	else if (command == "query" && argc >= 9)
		Query(session, argc, argv);
	else if (command == "insert" && argc == 7)
		Insert(session, argv);
	else if (command == "floor" && argc == 8) {
		session.Pin(std::atoi(argv[7]));
		session.Prepare("SELECT 1 WHERE $1 IS NOT NULL", {session.VectorType()});
		Measure(session, "floor", QueryWires(argv[3], std::strtoul(argv[5], nullptr, 10)), nullptr,
				std::atoi(argv[6]), std::atoi(argv[7]));
	} else
		Die("unknown command; see the head of bench/vector_client.cpp");
	return 0;
}
