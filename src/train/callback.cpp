#include "aero/train/callback.h"

#include <stdexcept>

namespace aero::train {

std::string name(Outcome outcome) {
  switch (outcome) {
    case Outcome::finished:
      return "finished";
    case Outcome::interrupted:
      return "interrupted";
    case Outcome::terminated:
      return "terminated";
    case Outcome::hangup:
      return "hangup";
    case Outcome::nonfinite:
      return "nonfinite";
    case Outcome::failed:
      return "failed";
  }
  throw std::logic_error("unknown outcome");
}

}  // namespace aero::train
