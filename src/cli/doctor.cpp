#include "aero/core/text.h"
#include "aero/core/version.h"
#include "aero/ops/gemm_rate.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <torch/version.h>

#include "cli/commands.h"
#include <filesystem>
#include <fstream>
#include <iostream>

namespace aero::cli {
namespace {

const char* yes_no(bool value) {
  return value ? "yes" : "no";
}

/// Whether LibTorch sees an instruction set on this processor.
bool has_cpu(const std::string& feature) {
  const auto features = at::cpu::get_cpu_capabilities();
  const auto found = features.find(feature);
  return found != features.end() && found->second.isBool() && found->second.toBool();
}

/// MemAvailable of /proc/meminfo in bytes; 0 where it cannot be told.
double available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  double kibibytes = 0;
  std::string unit;
  while (file >> key >> kibibytes) {
    std::getline(file, unit);
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  return 0;
}

constexpr bool has_gloo =
#ifdef USE_C10D_GLOO
    true;
#else
    false;
#endif
constexpr bool has_nccl =
#ifdef USE_C10D_NCCL
    true;
#else
    false;
#endif

void print_rate(const char* name, torch::ScalarType dtype, torch::Device device) {
  const double rate = ops::gemm_rate(dtype, device, device.is_cuda() ? 8192 : 2048, 0.5);
  std::cout << format("  %-10s %.0f GFLOP/s\n", name, rate / 1e9);
}

void run_doctor() {
  const bool has_cuda = at::hasCUDA();
  std::cout << format("aero             %s\n", version().c_str());
  std::cout << format("LibTorch         %s\n", TORCH_VERSION);
  std::cout << format("CPU capability   %s\n", at::get_cpu_capability().c_str());
  std::cout << format("threads          %d of %u processors\n", at::get_num_threads(),
                      std::thread::hardware_concurrency());
  std::cout << format("bf16 in hardware %s (AVX-512 BF16), %s (AMX)\n",
                      yes_no(has_cpu("avx512_bf16")), yes_no(has_cpu("amx_bf16")));
  std::cout << format("CUDA             %s\n", yes_no(has_cuda));
  std::cout << format("gloo, NCCL       %s, %s\n", yes_no(has_gloo), yes_no(has_nccl));
  std::cout << format("memory available %.1f GB\n", available_memory() / 1e9);
  const auto disk = std::filesystem::space(".");
  std::cout << format("disk available   %.1f GB here\n", static_cast<double>(disk.available) / 1e9);
  std::cout << format("matrix products of %s:\n", has_cuda ? "8192 on CUDA" : "2048 on the CPU");
  const auto device = has_cuda ? torch::Device("cuda") : torch::Device("cpu");
  print_rate("float32", torch::kFloat32, device);
  print_rate("bfloat16", torch::kBFloat16, device);
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto* command = app.add_subcommand("doctor", "What this build and this machine can do");
  command->footer("Example:\n  aero doctor");
  command->callback([] { run_doctor(); });
}

}  // namespace aero::cli
