#pragma once

#include "aero/core/error.h"

namespace aero::dist {

/// Another rank has died or cannot be reached. The message says which one, and why as far as that
/// is known.
class RankLost : public Error {
 public:
  using Error::Error;
};

}  // namespace aero::dist
