#include "aero/core/text.h"
#include "aero/core/version.h"
#include "aero/ops/copy_rate.h"
#include "aero/ops/gemm_rate.h"

#include "cli/commands.h"
#include "cli/torch/gpus.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/SDPBackend.h>
#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/version.h>

#include <dlfcn.h>

#include <cstdint>
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

/// MemAvailable of /proc/meminfo in bytes; 0 where it is unknown.
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

constexpr bool has_kernels =
#ifdef AERO_CUDA_KERNELS
    true;
#else
    false;
#endif

/// Writes out a version that a library gives as one number, major x 10000 + minor x 100 + patch.
std::string dotted(std::int64_t version) {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

/// The version of the NCCL library that LibTorch has loaded.
std::string nccl_version() {
  using GetVersion = int(int*);
  const auto get_version = reinterpret_cast<GetVersion*>(dlsym(RTLD_DEFAULT, "ncclGetVersion"));
  int version = 0;
  return get_version != nullptr && get_version(&version) == 0 ? dotted(version) : "no";
}

std::string cuda_version() {
  if (!at::Context::hasCUDART()) return "no";
  const auto version = at::Context::versionCUDART();
  const auto runtime = fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  return at::hasCUDA() ? runtime : "no GPU, in a LibTorch for CUDA " + runtime;
}

const char* name_of(at::SDPBackend backend) {
  switch (backend) {
    case at::SDPBackend::flash_attention:
      return "flash";
    case at::SDPBackend::efficient_attention:
      return "efficient";
    case at::SDPBackend::cudnn_attention:
      return "cuDNN";
    default:
      return "none";
  }
}

/// The fused attention that LibTorch chooses for training on the first GPU, at T = 128, d_k = 64.
const char* fused_attention(torch::ScalarType dtype) {
  const auto x =
      torch::zeros({1, 1, 128, 64}, torch::device(torch::kCUDA).dtype(dtype)).requires_grad_(true);
  return name_of(static_cast<at::SDPBackend>(at::_fused_sdp_choice(x, x, x, {}, 0, true)));
}

void print_gpus() {
  torch::zeros({1}, torch::kCUDA);  // starts CUDA, which then reports free memory
  const auto gpus = find_gpus();
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    const auto& gpu = gpus[i];
    const auto free =
        at::getDeviceAllocator(torch::kCUDA)->getMemoryInfo(static_cast<c10::DeviceIndex>(i)).first;
    std::cout << fmt::format("cuda:{:<11} {}, capability {}.{}, {:.1f} of {:.1f} GB free\n", i,
                             gpu.name, gpu.major, gpu.minor, static_cast<double>(free) / 1e9,
                             gpu.bytes / 1e9);
  }
  const auto version = at::Context::hasCuDNN() ? at::Context::versionRuntimeCuDNN() : 0;
  std::cout << fmt::format("cuDNN            {}\n", version > 0 ? dotted(version) : "no");
  std::cout << fmt::format("AERO's kernels   {}\n", has_kernels ? "built in, with CUDA graphs"
                                                                : "not built in (docs/gpu.md)");
  std::cout << fmt::format("fused attention  {} in bfloat16, {} in float32\n",
                           fused_attention(torch::kBFloat16), fused_attention(torch::kFloat32));
}

void print_rates(torch::Device device) {
  const std::int64_t bytes = device.is_cuda() ? 1 << 30 : 1 << 26;
  std::cout << fmt::format("copies on {:<6} {:.0f} GB/s, read and written\n",
                           device.is_cuda() ? "CUDA" : "the CPU",
                           ops::copy_rate(device, bytes, 0.3) / 1e9);
  const std::int64_t n = device.is_cuda() ? 8192 : 2048;
  std::cout << fmt::format("matrix products of {} on {}:\n", n,
                           device.is_cuda() ? "CUDA" : "the CPU");
  for (const auto& [name, dtype] :
       {std::pair{"float32", torch::kFloat32}, std::pair{"bfloat16", torch::kBFloat16}}) {
    std::cout << fmt::format("  {:<10} {:.0f} GFLOP/s\n", name,
                             ops::gemm_rate(dtype, device, n, 0.5) / 1e9);
  }
}

void run_doctor() {
  const bool has_cuda = at::hasCUDA();
  std::cout << fmt::format("aero             {}\n", version());
  std::cout << fmt::format("LibTorch         {}\n", TORCH_VERSION);
  std::cout << fmt::format("CPU capability   {}\n", at::get_cpu_capability());
  std::cout << fmt::format("threads          {} of {} processors\n", at::get_num_threads(),
                           std::thread::hardware_concurrency());
  std::cout << fmt::format("bf16 in hardware {} (AVX-512 BF16), {} (AMX)\n",
                           yes_no(has_cpu("avx512_bf16")), yes_no(has_cpu("amx_bf16")));
  std::cout << fmt::format("CUDA             {}\n", cuda_version());
  std::cout << fmt::format("NCCL             {}\n", nccl_version());
  std::cout << fmt::format("memory available {:.1f} GB\n", available_memory() / 1e9);
  const auto disk = std::filesystem::space(".");
  std::cout << fmt::format("disk available   {:.1f} GB here\n",
                           static_cast<double>(disk.available) / 1e9);
  if (!has_cuda) return print_rates(torch::kCPU);
  try {
    print_gpus();
    print_rates(torch::kCUDA);
  } catch (const c10::Error& fault) {
    std::cout << fmt::format("GPU              fails: {}\n", fault.what_without_backtrace());
  }
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto* command = add_command(app, "doctor");
  command->footer("Example:\n  aero doctor");
  command->callback([] { run_doctor(); });
}

}  // namespace aero::cli
