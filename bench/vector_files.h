#pragma once
/// What the programs of the vector benchmark share: matrices in files, the clock, what the other cores do.
///
/// Files are "fvecs" and "ivecs", as the data sets of the field: per row an int32 with the number of columns, then as many
/// float32 or int32, little-endian. They are the benchmark's own, under build/, so a damaged one ends the program.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace bench {

[[noreturn]] inline void
Die(const std::string &message) {
	std::fprintf(stderr, "bench vector: %s\n", message.c_str());
	std::exit(1);
}

/// Rows of equal length, one after the other.
template <typename T> struct Rows {
	std::vector<T> values;
	size_t n_rows = 0;
	size_t n_columns = 0;

	const T *
	Row(size_t row) const {
		return values.data() + row * n_columns;
	}
	T *
	Row(size_t row) {
		return values.data() + row * n_columns;
	}
	static Rows
	Make(size_t n_rows, size_t n_columns) {
		return Rows{std::vector<T>(n_rows * n_columns), n_rows, n_columns};
	}
};

/// Reads a file; @param limit at most as many rows
template <typename T>
Rows<T>
ReadRows(const std::string &path, size_t limit = SIZE_MAX) {
	static_assert(sizeof(T) == 4);
	FILE *file = std::fopen(path.c_str(), "rb");
	if (file == nullptr)
		Die("could not open \"" + path + "\"");
	Rows<T> rows;
	int32_t n_columns;
	while (rows.n_rows < limit && std::fread(&n_columns, 4, 1, file) == 1) {
		if (rows.n_rows == 0)
			rows.n_columns = static_cast<size_t>(n_columns);
		if (n_columns <= 0 || static_cast<size_t>(n_columns) != rows.n_columns)
			Die("\"" + path + "\" has rows of different lengths");
		rows.values.resize(rows.values.size() + rows.n_columns);
		if (std::fread(rows.Row(rows.n_rows), 4, rows.n_columns, file) != rows.n_columns)
			Die("\"" + path + "\" ends in the middle of a row");
		rows.n_rows++;
	}
	std::fclose(file);
	return rows;
}

/// Writes rows [from, to) to a file that is complete or not there.
template <typename T>
void
WriteRows(const std::string &path, const Rows<T> &rows, size_t from, size_t to) {
	const std::string unfinished = path + ".new";
	FILE *file = std::fopen(unfinished.c_str(), "wb");
	if (file == nullptr)
		Die("could not create \"" + unfinished + "\"");
	const auto n_columns = static_cast<int32_t>(rows.n_columns);
	for (size_t row = from; row < to; row++)
		if (std::fwrite(&n_columns, 4, 1, file) != 1 ||
			std::fwrite(rows.Row(row), 4, rows.n_columns, file) != rows.n_columns)
			Die("could not write \"" + unfinished + "\"");
	if (std::fclose(file) != 0 || std::rename(unfinished.c_str(), path.c_str()) != 0)
		Die("could not write \"" + path + "\"");
}

inline double
Now() {
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
		.count();
}

/// Processor seconds of this process.
inline double
ProcessorSeconds() {
	timespec time{};
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// What a pass over all queries took.
struct PassTimes {
	double seconds = 1e30;
	double processor_seconds = 1e30; // of all processes that take part
	double other_cores = 0;          // load while it ran
	std::vector<double> latency;     // of each query
};

/// The best pass of several; processor time has its own best.
inline void
KeepBest(PassTimes *best, const PassTimes &pass) {
	const double processor_seconds = pass.processor_seconds < best->processor_seconds
										 ? pass.processor_seconds
										 : best->processor_seconds;
	if (pass.seconds < best->seconds)
		*best = pass;
	best->processor_seconds = processor_seconds;
}

/// The line of one setting: label, recall, queries per second, median and 99th percentile in ms, load of the other cores, processor
/// time of a query in ms.
inline void
PrintLine(const std::string &label, double recall, PassTimes best) {
	const size_t n = best.latency.size();
	std::sort(best.latency.begin(), best.latency.end());
	std::printf("%s\t%.4f\t%.1f\t%.4f\t%.4f\t%.2f\t%.4f\n", label.c_str(), recall,
				static_cast<double>(n) / best.seconds, best.latency[n / 2] * 1e3,
				best.latency[n * 99 / 100] * 1e3, best.other_cores,
				best.processor_seconds / static_cast<double>(n) * 1e3);
	std::fflush(stdout);
}

/// Share of the time since the last call in which processors other than those of `own` were busy: another job there
/// shares cache and memory with what is measured.
class OtherCores {
public:
	/// @param own  bit i: core i belongs to the measurement
	explicit OtherCores(uint64_t own) : own_(own) { Busy(); }

	double
	Busy() {
		FILE *file = std::fopen("/proc/stat", "r");
		if (file == nullptr)
			return 0;
		unsigned long long busy = 0, total = 0;
		char line[512];
		while (std::fgets(line, sizeof line, file) != nullptr) {
			unsigned core;
			unsigned long long t[8] = {};
			if (std::sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &core, &t[0],
							&t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 5 ||
				(core < 64 && (own_ >> core & 1) != 0))
				continue;
			for (int i = 0; i < 8; i++)
				total += t[i];
			busy += t[0] + t[1] + t[2] + t[5] + t[6] + t[7];
		}
		std::fclose(file);
		const double share =
			total > total_ ? static_cast<double>(busy - busy_) / static_cast<double>(total - total_)
						   : 0;
		busy_ = busy;
		total_ = total;
		return share;
	}

private:
	uint64_t own_;
	unsigned long long busy_ = 0, total_ = 0;
};

/// Of the first `k` true neighbours, how many are among the answers.
inline size_t
Hits(const int32_t *truth, size_t k, const std::vector<int32_t> &answers) {
	size_t hits = 0;
	for (size_t i = 0; i < k; i++)
		for (int32_t answer : answers)
			if (answer == truth[i]) {
				hits++;
				break;
			}
	return hits;
}

} // namespace bench
