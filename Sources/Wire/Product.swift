// The product's name and version, said in one place.

/// What this is.
public enum Product {
  /// The version of all programs of the product.
  public static let version = "0.1.0"
}
