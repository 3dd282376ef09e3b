#include "aero/core/version.h"

namespace aero {

std::string version() {
  return AERO_VERSION;
}

}  // namespace aero
