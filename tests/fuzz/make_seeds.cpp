// Writes the first inputs of the fuzzers into the folder given: small models that are trained here, and what the
// seeds folder holds, JSON also as UBJSON.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "../unit/booster.h"
#include "../unit/datasets.h"
#include "pgml/ann.h"
#include "pgml/error.h"
#include "pgml/train.h"

namespace {

namespace fs = std::filesystem;
using pgml::Task;

void
Write(const fs::path &path, const std::string &bytes) {
	fs::create_directories(path.parent_path());
	std::ofstream(path, std::ios::binary).write(bytes.data(), std::streamsize(bytes.size()));
}

void
WriteArtefacts(const fs::path &to) {
	for (auto [task, n_classes] : {std::pair{Task::kRegression, 0},
								   {Task::kClassification, 2},
								   {Task::kClassification, 3}}) {
		std::mt19937 random(1);
		std::vector<float> x;
		std::vector<std::optional<std::string>> text;
		std::vector<double> y;
		for (int i = 0; i < 40; i++) {
			x.push_back(i % 7 == 0 ? NAN : float(random() % 20));
			text.push_back(std::string(1, char('a' + random() % 3)));
			y.push_back(n_classes > 0 ? double(i % n_classes) : double(random() % 9));
		}
		pgml::Dataset data =
			pgml::test::DatasetBuilder().Number("x", x).Text("t", text).Target(y).Build();
		for (const std::string &algorithm : pgml::AvailableAlgorithms(task)) {
			std::string parameters = "{}";
			for (const char *name : {"n_estimators", "max_iter"})
				try { // few trees, where the algorithm has trees
					std::string few = std::string("{\"") + name + "\": 3}";
					pgml::Train(data, pgml::test::Options(algorithm, task, few));
					parameters = few;
				} catch (const pgml::Error &) {
				}
			auto bytes =
				pgml::Train(data, pgml::test::Options(algorithm, task, parameters))->Encode();
			std::string payload(1, '\0'); // the newest version
			for (size_t i = 24; i < bytes.size(); i++)
				payload.push_back(char(bytes[i]));
			Write(to / (algorithm + std::to_string(n_classes)), payload);
		}
	}
}

void
WriteBoosters(const fs::path &to) {
	std::mt19937 random(1);
	pgml::Matrix columns(3, 60);
	columns.Resize(60);
	std::vector<double> target;
	for (size_t row = 0; row < 60; row++) {
		for (size_t col = 0; col < 3; col++)
			columns.column(col)[row] = float(random() % 6);
		target.push_back(double(random() % 3));
	}
	const pgml::test::BoosterParameters cases[] = {
		{{"tree_method", "hist"}, {"max_depth", "2"}},
		{{"tree_method", "hist"}, {"max_depth", "2"}, {"booster", "dart"}},
		{{"tree_method", "hist"},
		 {"max_depth", "2"},
		 {"objective", "multi:softprob"},
		 {"num_class", "3"}}};
	int number = 0;
	for (const auto &parameters : cases)
		for (const auto &types : {std::vector<const char *>(), {"q", "c", "c"}}) {
			pgml::test::Booster booster(columns.view(), target, types, parameters, 2);
			std::string name = "booster" + std::to_string(number++);
			Write(to / "xgboost_json" / name, booster.Save("json"));
			Write(to / "xgboost_ubjson" / name, booster.Save("ubj"));
		}
}

/// Factory strings and quantizers: codebooks only of no vectors, which need no module.
void
WriteAnn(const fs::path &to) {
	using namespace pgml::ann;
	int number = 0;
	for (const char *text :
		 {"", "Flat", "IVF3,Flat", "IVF,SQ8", "IVF9,PQ4x4fs,RFlat", "IVF,PQx4fs,Refine(SQ8)"})
		Write(to / "ann_factory" / std::to_string(number++), std::string("\0\x10\x14", 3) + text);
	std::mt19937 random(1);
	std::vector<float> sample(60 * 5);
	for (float &x : sample)
		x = float(random() % 100) / 10;
	for (uint32_t lists : {1u, 40u})
		for (Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine})
			for (size_t n : {60, 0}) {
				TrainOptions options;
				RowCodec rows = number % 3 == 0 ? RowCodec::kFloat32 : RowCodec::kSq8;
				options.layout = Layout::Of(5, metric, lists, n == 0 ? 3 : 0, rows);
				std::vector<std::byte> blob = TrainQuantizer(sample.data(), n, options);
				Write(to / "ann_quantizer" / std::to_string(number++),
					  {reinterpret_cast<const char *>(blob.data()) + 16, blob.size() - 16});
			}
}

} // namespace

int
main(int n_arguments, char **arguments) {
	if (n_arguments != 3) {
		std::fprintf(stderr, "usage: pgml_fuzz_seeds SEEDS_FOLDER TO\n");
		return 2;
	}
	fs::path to = arguments[2];
	for (const auto &entry : fs::recursive_directory_iterator(arguments[1]))
		if (entry.is_regular_file()) {
			std::ifstream file(entry.path(), std::ios::binary);
			std::string bytes((std::istreambuf_iterator<char>(file)),
							  std::istreambuf_iterator<char>());
			Write(to / fs::relative(entry.path(), arguments[1]), bytes);
			if (entry.path().parent_path().filename() == "xgboost_json") {
				auto binary = nlohmann::json::to_ubjson(nlohmann::json::parse(bytes), true, true);
				Write(to / "xgboost_ubjson" / entry.path().filename(),
					  {binary.begin(), binary.end()});
			}
		}
	WriteAnn(to);
	WriteArtefacts(to / "artefact");
	WriteBoosters(to);
	return 0;
}
