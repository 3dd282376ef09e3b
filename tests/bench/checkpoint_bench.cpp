#include "aero/checkpoint/safetensors.h"
#include "aero/core/checksum.h"
#include "aero/core/files.h"

#include "bench.h"
#include "tests/support/temporary_folder.h"

#include <string>
#include <vector>

namespace aero::bench {
namespace {

/// As many numbers as the moments of all blocks have.
checkpoint::TensorMap moments_of(const Sizes& sizes) {
  checkpoint::TensorMap moments;
  const auto d = sizes.width;
  for (std::int64_t layer = 0; layer < sizes.layers; ++layer) {
    for (const auto* const name : {"exp_avg.", "exp_avg_sq."}) {
      moments[name + std::to_string(layer)] = torch::rand({12 * d, d});
    }
  }
  return moments;
}

void report_bytes(benchmark::State& state, std::int64_t bytes) {
  report_rate(state, "bytes/s", static_cast<double>(bytes));
}

/// A file of the moments, which is made when it is first asked for.
class MomentsFile {
 public:
  explicit MomentsFile(const Sizes& sizes) {
    checkpoint::save_safetensors(path(), moments_of(sizes));
  }
  std::filesystem::path path() const { return folder_.path() / "optimizer.safetensors"; }

 private:
  testing_support::TemporaryFolder folder_;
};

std::filesystem::path moments_file(const Sizes& sizes) {
  static const MomentsFile file(sizes);
  return file.path();
}

/// Times loading with its checksum.
void loads(benchmark::State& state, const Sizes& sizes) {
  const auto path = moments_file(sizes);
  for ([[maybe_unused]] const auto step : state) {
    benchmark::DoNotOptimize(checkpoint::load_safetensors(path));
  }
  report_bytes(state, static_cast<std::int64_t>(std::filesystem::file_size(path)));
}

/// Times reading as many bytes into as many pieces of memory, and nothing else.
void reads(benchmark::State& state, const Sizes& sizes) {
  const auto path = moments_file(sizes);
  const auto pieces = static_cast<std::size_t>(2 * sizes.layers);
  for ([[maybe_unused]] const auto step : state) {
    const RandomAccessFile file(path);
    const auto size = file.size() / pieces;
    std::vector<torch::Tensor> read;
    for (std::size_t i = 0; i < pieces; ++i) {
      read.push_back(torch::empty({static_cast<std::int64_t>(size)}, torch::kUInt8));
      file.read(i * size, {static_cast<char*>(read.back().mutable_data_ptr()), size});
    }
    benchmark::DoNotOptimize(read);
  }
  report_bytes(state, static_cast<std::int64_t>(std::filesystem::file_size(path)));
}

void checksums(benchmark::State& state, const Sizes& sizes) {
  const std::string bytes(static_cast<std::size_t>(sizes.width * sizes.width), 'a');
  for ([[maybe_unused]] const auto step : state) benchmark::DoNotOptimize(crc32(bytes));
  report_bytes(state, static_cast<std::int64_t>(bytes.size()));
}

}  // namespace

void add_checkpoint(const Sizes& sizes) {
  add("checkpoint/load", [=](auto& state) { loads(state, sizes); });
  add("checkpoint/read_alone", [=](auto& state) { reads(state, sizes); });
  add("checkpoint/checksum", [=](auto& state) { checksums(state, sizes); });
}

}  // namespace aero::bench
