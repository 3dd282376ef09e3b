#pragma once

#include <torch/nn/module.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace aero::model {

/// Throws an Error which says that `owner` has no module under that name, or that `found` is of the
/// wrong type.
[[noreturn]] void throw_no_such_child(const torch::nn::Module& owner, const std::string& name,
                                      const torch::nn::Module* found);

/// A child module: the module that is registered in its owner under its name. Assigning registers,
/// and replace_module() of the owner takes effect. So the module that computes is also the one that
/// is moved, trained and saved.
///
///     Child<PartImpl> norm{*this, "norm"};
///     norm = make_norm(kind, config);  // registers
///     norm->forward(x);
template <class T>
class Child {
 public:
  Child(torch::nn::Module& owner, std::string name) : owner_(owner), name_(std::move(name)) {}
  ~Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  Child& operator=(std::shared_ptr<T> module) {
    const bool is_registered = registered() != nullptr;
    if (is_registered && !module) {
      owner_.unregister_module(name_);
    } else if (is_registered) {
      owner_.replace_module(name_, std::move(module));
    } else if (module) {
      owner_.register_module(name_, std::move(module));
    }
    return *this;
  }

  /// Whether a module is registered. Throws Error where the module is no T.
  explicit operator bool() const { return registered() != nullptr && find() != nullptr; }

  /// Give the module. Throw Error where nothing is registered, or a module that is no T.
  T* operator->() const { return find(); }
  T& operator*() const { return *find(); }

  /// Returns the module, or null where nothing is registered.
  std::shared_ptr<T> get() const {
    return *this ? std::dynamic_pointer_cast<T>(seen_) : std::shared_ptr<T>();
  }
  // NOLINTNEXTLINE(google-explicit-constructor): a child stands for its module
  operator std::shared_ptr<T>() const { return get(); }

  /// Returns the module, or null where nothing is registered or the module is no T.
  T* peek() const {
    const auto* const module = registered();
    return module == nullptr ? nullptr : typed_;
  }

 private:
  T* find() const {
    const auto* const module = registered();
    if (module == nullptr || typed_ == nullptr) throw_no_such_child(owner_, name_, module);
    return typed_;
  }

  /// Returns the module that is registered under the name. Tries the place of the last answer
  /// first, to save the lookup of names.
  const torch::nn::Module* registered() const {
    const auto children = owner_.children();
    if (seen_ && place_ < children.size() && children[place_] == seen_) return seen_.get();
    const auto named = owner_.named_children();
    for (place_ = 0; place_ < named.size() && named[place_].key() != name_;) ++place_;
    seen_ = place_ < named.size() ? named[place_].value() : nullptr;
    typed_ = dynamic_cast<T*>(seen_.get());
    return seen_.get();
  }

  torch::nn::Module& owner_;
  std::string name_;
  mutable std::shared_ptr<torch::nn::Module> seen_;
  mutable T* typed_ = nullptr;  // seen_, as a T
  mutable std::size_t place_ = 0;
};

}  // namespace aero::model
