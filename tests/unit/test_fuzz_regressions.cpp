// Replays what the fuzzers once found, and their first inputs: each file under tests/fuzz/regressions/TARGET. A target
// ends the process when something is wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "../fuzz/targets.h"

namespace pgml {

namespace {

/// @return the number of files replayed
size_t
Replay(const std::filesystem::path &folder, const fuzz::Target &target) {
	size_t n_files = 0;
	if (!std::filesystem::is_directory(folder / target.name))
		return 0;
	for (const auto &entry : std::filesystem::directory_iterator(folder / target.name)) {
		std::ifstream file(entry.path(), std::ios::binary);
		std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
		EXPECT_EQ(target.run(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()), 0)
			<< entry.path();
		n_files++;
	}
	return n_files;
}

} // namespace

TEST(FuzzRegressions, Replay) {
	for (const fuzz::Target &target : fuzz::kTargets)
		Replay(std::filesystem::path(PGML_FUZZ_FOLDER) / "regressions", target);
}

TEST(FuzzRegressions, SeedsAreTaken) {
	size_t n_files = 0;
	for (const fuzz::Target &target : fuzz::kTargets)
		n_files += Replay(std::filesystem::path(PGML_FUZZ_FOLDER) / "seeds", target);
	EXPECT_GE(n_files, 6u);
}

} // namespace pgml
