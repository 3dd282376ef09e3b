#include "cli/torch/gpus.h"

#include <dlfcn.h>

#include <array>
#include <memory>

namespace aero::cli {
namespace {

// cuda.h: CUDA_SUCCESS, and two of CUdevice_attribute.
constexpr int success = 0;
constexpr int capability_major = 75;
constexpr int capability_minor = 76;

struct CloseLibrary {
  void operator()(void* handle) const { dlclose(handle); }
};

/// libcuda.so.1, which comes with the driver; its functions keep their signatures.
class Driver {
 public:
  Driver() : library_(dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {}

  /// Returns 0 where there is no driver or no device.
  int device_count() const {
    int count = 0;
    const auto init = function<int(unsigned)>("cuInit");
    const auto get_count = function<int(int*)>("cuDeviceGetCount");
    if (init == nullptr || get_count == nullptr || init(0) != success) return 0;
    return get_count(&count) == success ? count : 0;
  }

  Gpu gpu(int index) const {
    const auto get_name = function<int(char*, int, int)>("cuDeviceGetName");
    const auto get_memory = function<int(std::size_t*, int)>("cuDeviceTotalMem_v2");
    const auto get_attribute = function<int(int*, int, int)>("cuDeviceGetAttribute");
    std::array<char, 256> name{};
    std::size_t bytes = 0;
    Gpu gpu{};
    if (get_name != nullptr) get_name(name.data(), static_cast<int>(name.size()) - 1, index);
    if (get_memory != nullptr) get_memory(&bytes, index);
    if (get_attribute != nullptr) {
      get_attribute(&gpu.major, capability_major, index);
      get_attribute(&gpu.minor, capability_minor, index);
    }
    gpu.name = name.data();
    gpu.bytes = static_cast<double>(bytes);
    return gpu;
  }

 private:
  template <typename Signature>
  Signature* function(const char* name) const {
    if (library_ == nullptr) return nullptr;
    return reinterpret_cast<Signature*>(dlsym(library_.get(), name));
  }

  std::unique_ptr<void, CloseLibrary> library_;
};

}  // namespace

std::vector<Gpu> find_gpus() {
  const Driver driver;
  std::vector<Gpu> gpus;
  // A CUdevice is its own index.
  for (int index = 0; index < driver.device_count(); ++index) gpus.push_back(driver.gpu(index));
  return gpus;
}

}  // namespace aero::cli
