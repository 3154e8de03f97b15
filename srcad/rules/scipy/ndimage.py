"""`scipy.ndimage`: filters with weights, of maxima and of medians, and values between the points of an image."""

from srcad.rules.scipy import image_filters, image_points

__all__ = ["image_filters", "image_points"]
